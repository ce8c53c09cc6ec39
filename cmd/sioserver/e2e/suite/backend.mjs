// The example backends of docs/deploy/examples, in PHP, Python and JavaScript, and an application with Laravel's broadcaster, as
// child processes.

import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { connect } from 'node:net';
import { fileURLToPath } from 'node:url';
import { freePort } from './server.mjs';
import { until } from './wait.mjs';

export const example = (name) => fileURLToPath(new URL(`../../../../docs/deploy/examples/${name}`, import.meta.url));

export const SECRET = `whsec_${Buffer.from('secret of the hooks in the tests').toString('base64')}`;

const commands = {
  php: (port) => ['php', ['-q', '-S', `127.0.0.1:${port}`, example('backend.php')]],
  laravel: (port) => ['php', ['-q', '-S', `127.0.0.1:${port}`, fileURLToPath(new URL('laravel.php', import.meta.url))]],
  python: (port) => ['python3', [example('backend.py'), String(port)]],
  node: (port) => [process.execPath, [example('backend.mjs'), String(port)]],
  presence: (port) => ['python3', [example('presence.py'), String(port)]],
};

const running = new Set();
process.on('exit', () => running.forEach((child) => process.kill(-child.pid, 'SIGKILL')));

const listens = (port) =>
  new Promise((resolve) => {
    const probe = connect(port, '127.0.0.1');
    probe.once('connect', () => {
      probe.destroy();
      resolve(true);
    });
    probe.once('error', () => resolve(false));
  });

// An address for a backend that does not run yet.
export async function backendAt(kind) {
  const port = await freePort();
  return { kind, port, url: `http://127.0.0.1:${port}/` };
}

// Starts a backend at its address. Env is added to its environment.
export async function startBackend(backend, env = {}) {
  const [cmd, args] = commands[backend.kind](backend.port);
  const child = spawn(cmd, args, {
    env: { ...process.env, SIO_SECRET: SECRET, PHP_CLI_SERVER_WORKERS: '4', PYTHONDONTWRITEBYTECODE: '1', ...env },
    stdio: ['ignore', 'ignore', 'ignore'],
    detached: true, // with the workers it starts
  });
  running.add(child);
  let failure;
  child.once('error', (err) => (failure = err));
  const ended = new Promise((resolve) => {
    child.once('exit', (code) => {
      running.delete(child);
      failure ??= new Error(`it ended with status ${code}`);
      resolve();
    });
  });
  await until(() => {
    if (failure) throw new Error(`${cmd} cannot be started, which the tests of backends need: ${failure.message}`);
    return listens(backend.port);
  }, `${backend.kind} backend`, 20_000);
  return {
    // Its workers may hold the port for a moment longer than it lives.
    stop: async () => {
      if (!running.has(child)) return;
      process.kill(-child.pid, 'SIGKILL');
      await ended;
      await until(async () => !(await listens(backend.port)), `the port of the ${backend.kind} backend is free`);
    },
  };
}

// An endpoint at a backend's address that is there and fails.
export async function failing(backend) {
  let seen = 0;
  const server = createServer((req, res) => {
    seen++;
    res.writeHead(503, { Connection: 'close' }).end();
    req.resume();
  });
  await new Promise((resolve) => server.listen(backend.port, '127.0.0.1', resolve));
  return {
    tries: (n) => until(() => seen >= n, `${n} tries`, 20_000),
    end: () =>
      new Promise((resolve) => {
        server.close(resolve);
        server.closeAllConnections();
      }),
  };
}

// Runs publish.php, and resolves with what it prints.
export function publishByPHP(server, key, message) {
  return new Promise((resolve, reject) => {
    const child = spawn('php', [example('publish.php'), JSON.stringify(message)], {
      env: { ...process.env, SIO_API: server.control, SIO_KEY: key }, stdio: ['ignore', 'pipe', 'inherit'],
    });
    let text = '';
    child.stdout.on('data', (part) => (text += part));
    child.once('error', reject);
    child.once('close', () => {
      try {
        resolve(JSON.parse(text));
      } catch {
        reject(new Error(`publish.php printed ${text}`));
      }
    });
  });
}

// The events that a backend has remembered so far.
export async function remembered(file) {
  const text = await readFile(file, 'utf8').catch(() => '');
  return text.split('\n').slice(0, -1).map((line) => JSON.parse(line));
}
