// The server under test behind a reverse proxy: node proxy/behind.mjs KIND COMMAND… --listen HOST:PORT FLAGS…
//
// KIND is one of KINDS. The command serves at a port of its own, or at a unix socket; this program serves at HOST:PORT by
// the proxy and passes the journal on. It keeps CONTRACT.md, so it can be a SIO_SERVER_CMD. The command knows the flag
// --behind: what it is to believe of whoever connects.

import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const [kind, ...rest] = process.argv.slice(2);
const at = rest.indexOf('--listen');
const command = rest.slice(0, at);
const outer = rest[at + 1];
const flags = rest.slice(at + 2);

const nginx = (conf, dir) => ['nginx', '-p', dir, '-c', conf, '-e', 'stderr'];
const haproxy = (conf) => ['haproxy', '-db', '-q', '-f', conf];

// The program, its configuration, how the server is told of clients, whether it has a unix socket.
const KINDS = {
  nginx: { program: nginx, conf: 'nginx.conf', behind: 'http' },
  'nginx-unix': { program: nginx, conf: 'nginx.conf', behind: 'http', unix: true },
  haproxy: { program: haproxy, conf: 'haproxy.conf', behind: 'http' },
  'haproxy-v1': { program: haproxy, conf: 'haproxy-tcp.conf', behind: 'proxy-protocol', unix: true, send: 'send-proxy' },
  'haproxy-v2': { program: haproxy, conf: 'haproxy-tcp.conf', behind: 'proxy-protocol', send: 'send-proxy-v2' },
};
const how = KINDS[kind];
if (!how || at < 1) {
  console.error(`usage: behind.mjs ${Object.keys(KINDS).join('|')} COMMAND… --listen HOST:PORT FLAGS…`);
  process.exit(2);
}

const dir = mkdtempSync(join(tmpdir(), 'sio-proxy-'));
process.on('exit', () => rmSync(dir, { recursive: true, force: true }));

function freePort() {
  return new Promise((resolve, reject) => {
    const probe = createServer().once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });
}

// A child that dies with this process, however that ends.
function start(args, stdio) {
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', ...args], { stdio });
  child.ended = new Promise((resolve) => child.once('exit', (code, signal) => resolve(code ?? signal)));
  return child;
}

function listens(port) {
  return new Promise((resolve) => {
    const probe = connect(port, '127.0.0.1', () => {
      probe.destroy();
      resolve(true);
    }).once('error', () => resolve(false));
  });
}

const inner = how.unix ? `unix:${join(dir, 'socket')}` : `127.0.0.1:${await freePort()}`;
const server = start([...command, '--listen', inner, `--behind=${how.behind}`, ...flags], ['ignore', 'pipe', 'inherit']);
let proxy;
let ending = false;

const conf = join(dir, how.conf);
const template = readFileSync(fileURLToPath(new URL(how.conf, import.meta.url)), 'utf8');
const values = { listen: outer, server: inner, dir, send: how.send };
if (how.program === haproxy) values.server = inner.replace(/^unix:/, 'unix@');
writeFileSync(conf, template.replaceAll(/{{(\w+)}}/g, (_, name) => values[name]));

async function serve() {
  proxy = start(how.program(conf, dir), ['ignore', 'inherit', 'inherit']);
  const port = Number(outer.split(':')[1]);
  const early = proxy.ended.then((why) => {
    if (ending) return true;
    console.error(`${kind} ended with ${why}`);
    process.exit(1);
  });
  while (!(await Promise.race([listens(port), early])));
  console.log(JSON.stringify({ listening: outer }));
}

createInterface({ input: server.stdout }).on('line', (line) => {
  if (line.startsWith('{"listening"')) serve();
  else console.log(line);
});

process.on('SIGTERM', () => server.kill('SIGTERM'));
const code = await server.ended;
ending = true;
if (proxy) {
  proxy.kill('SIGKILL');
  await proxy.ended;
}
process.exit(typeof code === 'number' ? code : 1);
