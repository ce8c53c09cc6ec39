// The server under test as a child process: start on a free port, journal, stop, restart on the same port.

import { spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { isDeepStrictEqual } from 'node:util';
import { fileURLToPath } from 'node:url';
import { until, within } from './wait.mjs';

const reference = `node "${fileURLToPath(new URL('../reference/server.mjs', import.meta.url))}"`;
const command = process.env.SIO_SERVER_CMD || reference;
const devCommand = process.env.SIO_DEV_CMD;
const examplesCommand = process.env.SIO_EXAMPLES_CMD;
const officialCommand = process.env.SIO_OFFICIAL_CMD;

// Set by suite/tls.mjs.
const { SIO_TLS_CERT: cert, SIO_TLS_KEY: key } = process.env;
const tlsFlags = cert ? [`--tls-cert=${cert}`, `--tls-key=${key}`] : [];
const secure = cert ? 's' : '';

// For programs with the flag --attach: what servers under test are attached to, unless a test says otherwise.
const attach = process.env.SIO_ATTACH;

const CLIENT_DIST = fileURLToPath(new URL('../node_modules/socket.io-client/dist', import.meta.url));

const START_MS = 15_000;
const STOP_MS = 5_000;
const START_TRIES = 5;

// Below the ephemeral range of Linux: an outgoing connection never sits on the port while the server restarts.
const PORT_LOW = 20_000;
const PORT_HIGH = 32_000;

const running = new Set();
const killAll = () => running.forEach((child) => child.kill('SIGKILL'));
process.on('exit', killAll);
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP']) {
  process.on(signal, () => {
    killAll();
    process.exit(1);
  });
}

export async function freePort() {
  for (;;) {
    const port = randomInt(PORT_LOW, PORT_HIGH);
    const probe = createServer();
    const free = await new Promise((resolve) => {
      probe.once('error', () => resolve(false));
      probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)));
    });
    if (free) return port;
  }
}

const fits = (line, fields) => Object.entries(fields).every(([key, value]) => isDeepStrictEqual(line[key], value));

class ServerProcess {
  constructor(port, cmd, flags, ready) {
    this.port = port;
    this.cmd = cmd;
    this.flags = flags;
    this.ready = ready;
    this.host = `127.0.0.1:${port}`;
    this.url = `http${secure}://${this.host}`;
    this.wsUrl = `ws${secure}://${this.host}`;
    this.journal = [];
    this.waiting = new Set();
  }

  async start() {
    const args = ['-c', `exec ${this.cmd} "$@"`, 'sh', '--listen', this.host, ...tlsFlags, ...this.flags];
    const env = { ...process.env, SIO_CLIENT_DIST: CLIENT_DIST };
    const child = spawn('sh', args, { env, stdio: ['ignore', 'pipe', 'inherit'] });
    running.add(child);
    this.child = child;
    this.ended = new Promise((resolve) => {
      child.once('exit', (code, signal) => {
        running.delete(child);
        resolve({ code, signal });
      });
    });
    const listening = new Promise((resolve) => {
      createInterface({ input: child.stdout }).on('line', (text) => this.#line(text, resolve));
    });
    const failed = this.ended.then(({ code }) => {
      throw new Error(`the server ended with status ${code} before it listened`);
    });
    await within(Promise.race([this.ready ? this.ready(this) : listening, failed]), 'server start', START_MS);
    return this;
  }

  #line(text, listening) {
    let line;
    try {
      line = JSON.parse(text);
    } catch {
      return;
    }
    if (line.listening) listening();
    this.journal.push(line);
    for (const check of this.waiting) check(line);
  }

  // Resolves with the journal line, written already or to come, whose fields equal those asked for.
  saw(fields, ms) {
    const past = this.journal.find((line) => fits(line, fields));
    if (past) return Promise.resolve(past);
    let check;
    const found = new Promise((resolve) => {
      check = (line) => fits(line, fields) && resolve(line);
      this.waiting.add(check);
    });
    return within(found, `journal line ${JSON.stringify(fields)}`, ms).finally(() => this.waiting.delete(check));
  }

  // The journal lines so far whose fields equal those asked for.
  lines(fields) {
    return this.journal.filter((line) => fits(line, fields));
  }

  // Resolves with the n-th journal line, counted from one, whose fields equal those asked for.
  sawTimes(n, fields, ms) {
    return until(() => this.lines(fields)[n - 1], `${n} journal lines ${JSON.stringify(fields)}`, ms);
  }

  // Resolves when the journal holds all that the server wrote before it handled what this socket emits now.
  async upTo(socket) {
    const mark = `${socket.id} ${this.journal.length}`;
    socket.emit('note', mark);
    await this.saw({ event: 'note', args: [mark] });
  }

  // Why the server says that this socket left.
  async reasonOf(sid, ms) {
    const line = await this.saw({ event: 'disconnect', sid }, ms);
    return line.reason;
  }

  async stop(signal = 'SIGTERM') {
    this.child.kill(signal);
    try {
      const { code } = await within(this.ended, `end after ${signal}`, STOP_MS);
      if (signal === 'SIGTERM' && code !== 0) throw new Error(`the server ended with status ${code} after SIGTERM`);
    } catch (err) {
      this.child.kill('SIGKILL');
      throw err;
    }
  }

  async restart(signal) {
    await this.stop(signal);
    await this.start();
  }
}

// Starts a program on a free port, or on one that it shares.
export async function launch(cmd, flags, ready, port) {
  for (let left = START_TRIES; ; left--) {
    const server = new ServerProcess(port ?? (await freePort()), cmd, flags, ready);
    try {
      return await server.start();
    } catch (err) {
      server.child.kill('SIGKILL');
      // Another test file may have taken the port between the look and the start.
      if (left <= 1 || !/before it listened/.test(err.message)) throw err;
    }
  }
}

// Starts the server under test. Options are the flags of CONTRACT.md, written like pingInterval.
export function startServer(options = {}) {
  return launch(command, flagsOf(attach ? { attach, ...options } : options));
}

// The same with the official server, whatever is under test: a cluster has servers of both.
export function startReference(options = {}) {
  return launch(reference, flagsOf(options));
}

function flagsOf(options) {
  const flags = [];
  for (const [name, value] of Object.entries(options)) {
    flags.push(`--${name.replace(/[A-Z]/g, (c) => '-' + c.toLowerCase())}=${value}`);
  }
  return flags;
}

const handshake = '/socket.io/?EIO=4&transport=polling';
const answers = (server) => until(() => fetch(server.url + handshake).then((res) => res.ok, () => false), 'a handshake', START_MS);

// Starts one of docs/examples. It is ready when it answers a handshake, unless the caller knows better.
export function startExample(name, ready = answers) {
  if (!examplesCommand) throw new Error('SIO_EXAMPLES_CMD is not set');
  return launch(examplesCommand, ['--example', name], ready);
}

// Starts the server that serves the try-it page: ready when it answers, since it need not keep the whole contract.
export function startDevServer() {
  const answers = (server) =>
    until(
      () => fetch(server.url + '/').then((res) => res.ok, () => false),
      'page at /',
      START_MS,
    );
  return devCommand ? launch(devCommand, [], answers) : launch(`${command} --dev`, [], answers);
}

// Starts the server of one of the official suites.
export function startOfficial(suite) {
  if (!officialCommand) throw new Error('SIO_OFFICIAL_CMD: no command for the servers of the official suites');
  return launch(officialCommand, [`--suite=${suite}`]);
}
