// The command as operators use it: a fresh configuration, what is wrong with one, reload, the end. Official clients.

import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { io } from 'socket.io-client';
import { once, within } from '../suite/wait.mjs';

const command = process.env.SIO_OPERATOR_CMD;
if (!command) throw new Error('SIO_OPERATOR_CMD: no command');

let dir;
const children = new Set();
before(async () => {
  dir = await mkdtemp(join(tmpdir(), 'sio-command-'));
});
after(async () => {
  for (const child of children) child.kill('SIGKILL');
  await rm(dir, { recursive: true });
});

// Free ports, and no time before the drain begins.
const env = { ...process.env, SIOSERVER_SERVER_LISTEN: '127.0.0.1:0', SIOSERVER_CONTROL_LISTEN: '127.0.0.1:0', SIOSERVER_DRAIN_PRE_STOP: '0s', SIOSERVER_DRAIN_OVER: '0s' };

const run = (...args) => promisify(execFile)(command, args, { cwd: dir, env }).then(
  ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
  ({ code, stdout, stderr }) => ({ code, stdout, stderr }),
);

// Serves, and resolves when clients can connect.
async function serve(file) {
  const child = spawn(command, ['-c', file], { cwd: dir, env, stdio: ['ignore', 'pipe', 'pipe'] });
  children.add(child);
  const ended = new Promise((resolve) => {
    child.once('exit', (code) => {
      children.delete(child);
      resolve(code);
    });
  });
  const lines = [];
  const waiting = new Set();
  createInterface({ input: child.stderr }).on('line', (line) => {
    lines.push(line);
    for (const check of waiting) check(line);
  });
  // Resolves with the next line of the log with a text in it. Call it before the act that causes the line.
  const logs = (text) => within(new Promise((resolve) => {
    const check = (line) => {
      if (!line.includes(text)) return;
      waiting.delete(check);
      resolve(line);
    };
    waiting.add(check);
  }), `log line "${text}"`);
  const first = new Promise((resolve) => createInterface({ input: child.stdout }).once('line', resolve));
  const failed = ended.then((code) => {
    throw new Error(`ended with ${code}:\n${lines.join('\n')}`);
  });
  const started = JSON.parse(await within(Promise.race([first, failed]), 'server start', 15_000));
  return { child, ended, logs, url: started.url, started };
}

const base64 = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
function token(secret, claims) {
  const body = `${base64({ alg: 'HS256', typ: 'JWT' })}.${base64({ exp: Math.floor(Date.now() / 1000) + 600, ...claims })}`;
  return `${body}.${createHmac('sha256', secret).update(body).digest('base64url')}`;
}

const transports = { polling: ['polling'], websocket: ['websocket'], upgrade: ['polling', 'websocket'] };

test('command: init writes a configuration with which clients that show a token connect, and no others', async () => {
  const made = await run('init', '--force');
  assert.equal(made.code, 0, made.stderr);
  const checked = await run('config', 'check');
  assert.equal(checked.code, 0, checked.stderr);
  assert.match(checked.stdout, /^sioserver.yaml: ok, 0 warnings/);
  const text = await readFile(join(dir, 'sioserver.yaml'), 'utf8');
  const secret = /hmac_secret: "([^"]+)"/.exec(text)[1];

  const server = await serve('sioserver.yaml');
  assert.equal(server.started.auth, 'required');
  for (const [name, list] of Object.entries(transports)) {
    const client = io(server.url, { transports: list, auth: { token: token(secret, { sub: '42' }) }, reconnection: false, forceNew: true });
    await once(client, 'connect');
    if (name === 'upgrade' && client.io.engine.transport.name !== 'websocket') await once(client.io.engine, 'upgrade');
    assert.equal(client.io.engine.transport.name, list.at(-1));
    client.close();
    for (const auth of [{}, { token: token('not the secret', { sub: '42' }) }, { token: token(secret, { sub: '42', exp: 1 }) }]) {
      const stranger = io(server.url, { transports: list, auth, reconnection: false, forceNew: true });
      const [error] = await once(stranger, 'connect_error');
      assert.ok(error.message, name);
      stranger.close();
    }
  }
  server.child.kill('SIGTERM');
  assert.equal(await within(server.ended, 'end', 30_000), 0);
});

test('scenario 6: a misspelt key ends the command with 3, and is told with file, line and what was meant', async () => {
  await writeFile(join(dir, 'typo.yaml'), 'auth: {required: false}\nlimits:\n  max_conections: 5\n');
  for (const args of [['config', 'check', '-c', 'typo.yaml'], ['-c', 'typo.yaml']]) {
    const { code, stderr } = await run(...args);
    assert.equal(code, 3, stderr);
    assert.match(stderr, /typo\.yaml:3:3: limits\.max_conections: unknown key; did you mean max_connections\?/);
  }
  const open = await run('--listen', '127.0.0.1:0', '-c', '/dev/null');
  assert.equal(open.code, 3);
  assert.match(open.stderr, /nobody could connect/);
  const { code, stderr } = await run('--no-such-flag');
  assert.equal(code, 2, stderr);
});

test('command: SIGHUP puts a namespace to use, a faulty file changes nothing, clients stay', async () => {
  const file = join(dir, 'live.yaml');
  await writeFile(file, 'auth: {required: false}\n');
  const server = await serve('live.yaml');
  const client = io(server.url, { reconnection: false, forceNew: true });
  await once(client, 'connect');
  const early = client.io.socket('/chat');
  const [refusal] = await once(early, 'connect_error');
  assert.equal(refusal.message, 'Invalid namespace');

  await writeFile(file, 'auth: {required: false}\nnamespaces: [{name: /}, {name: /chat}]\n');
  let line = server.logs('the configuration was read again');
  server.child.kill('SIGHUP');
  assert.match(await line, /namespaces/);
  const late = client.io.socket('/chat');
  await once(late, 'connect');

  await writeFile(file, 'auth: {required: maybe}\n');
  line = server.logs('the configuration stays the one it was');
  server.child.kill('SIGHUP');
  assert.match(await line, /auth\.required/);
  assert.ok(client.connected && late.connected);
  client.io.engine.close();
  server.child.kill('SIGTERM');
  assert.equal(await within(server.ended, 'end', 30_000), 0);
});

test('command: SIGTERM closes transports, so that clients come back, and ends with 0', async () => {
  await writeFile(join(dir, 'end.yaml'), 'auth: {required: false}\n');
  for (const [name, list] of Object.entries(transports)) {
    const server = await serve('end.yaml');
    const client = io(server.url, { transports: list, forceNew: true });
    await once(client, 'connect');
    if (name === 'upgrade' && client.io.engine.transport.name !== 'websocket') await once(client.io.engine, 'upgrade');
    const gone = once(client, 'disconnect', 30_000);
    const again = once(client.io, 'reconnect_attempt', 30_000);
    server.child.kill('SIGTERM');
    const [reason] = await gone;
    assert.notEqual(reason, 'io server disconnect', name);
    await again;
    client.close();
    assert.equal(await within(server.ended, 'end', 30_000), 0);
  }
});

test('command: its own client speaks to it, over each transport', async () => {
  const { code, stdout, stderr } = await new Promise((resolve) => {
    const child = spawn(command, ['--dev', '--listen', '127.0.0.1:0'], { cwd: tmpdir(), stdio: ['ignore', 'pipe', 'ignore'] });
    children.add(child);
    createInterface({ input: child.stdout }).once('line', async (line) => {
      const { url } = JSON.parse(line);
      const results = [];
      for (const way of ['websocket', 'polling', 'both']) {
        results.push(await run('client', url, '--transport', way, '--emit', 'echo {"n":1} "two"', '--ack', '--count', '1'));
      }
      child.kill('SIGTERM');
      children.delete(child);
      resolve(results.find(({ code }) => code !== 0) ?? results[0]);
    });
  });
  assert.equal(code, 0, stderr);
  assert.match(stdout, /^< echo \{"n":1\} "two"$/m);
  assert.match(stdout, /^< ack 1 after .*: \{"n":1\} "two"$/m);
});
