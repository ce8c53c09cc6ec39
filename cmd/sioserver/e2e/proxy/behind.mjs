// The server under test behind a reverse proxy: node proxy/behind.mjs KIND COMMAND… --listen HOST:PORT FLAGS…
//
// KIND is nginx or haproxy. The command serves at a port of its own; this program serves at HOST:PORT by the proxy and
// passes the journal on. It keeps CONTRACT.md, so it can be a SIO_SERVER_CMD.

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

const PROXIES = {
  nginx: (conf, dir) => ['nginx', '-p', dir, '-c', conf, '-e', 'stderr'],
  haproxy: (conf) => ['haproxy', '-db', '-q', '-f', conf],
};
if (!PROXIES[kind] || at < 1) {
  console.error(`usage: behind.mjs ${Object.keys(PROXIES).join('|')} COMMAND… --listen HOST:PORT FLAGS…`);
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

const inner = `127.0.0.1:${await freePort()}`;
const server = start([...command, '--listen', inner, ...flags], ['ignore', 'pipe', 'inherit']);
let proxy;
let ending = false;

const conf = join(dir, `${kind}.conf`);
const template = readFileSync(fileURLToPath(new URL(`${kind}.conf`, import.meta.url)), 'utf8');
writeFileSync(conf, template.replaceAll('{{listen}}', outer).replaceAll('{{server}}', inner).replaceAll('{{dir}}', dir));

async function serve() {
  proxy = start(PROXIES[kind](conf, dir), ['ignore', 'inherit', 'inherit']);
  const port = Number(outer.split(':')[1]);
  const early = proxy.ended.then((how) => {
    if (ending) return true;
    console.error(`${kind} ended with ${how}`);
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
