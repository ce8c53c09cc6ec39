// From a fresh clone to the first message that is delivered, with the commands of the README: less than a minute, when the
// modules of Go and the packages of npm are on the machine already.

import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { client, connected } from '../suite/client.mjs';
import { scenario } from '../suite/scenario.mjs';
import { freePort } from '../suite/server.mjs';
import { once, within } from '../suite/wait.mjs';

const run = promisify(execFile);
const MOST_MS = 60_000;
const root = fileURLToPath(new URL('../../../..', import.meta.url));

scenario('scenario 1: from a fresh clone to the first message', async ({ dir, later, figure }) => {
  const readme = await readFile(join(root, 'README.md'), 'utf8');
  assert.match(readme, /^make run /m);
  const [curl] = /^curl -s 127\.0\.0\.1:3001.*$/m.exec(readme);
  const [port, control] = [await freePort(), await freePort()];

  const begun = performance.now();
  await run('git', ['clone', '--quiet', root, join(dir, 'sioserver')]);
  // Ports of the README may be taken.
  const env = { ...process.env, SIOSERVER_CONTROL_LISTEN: `127.0.0.1:${control}` };
  delete env.MAKEFLAGS; // of the make that runs this
  delete env.MAKELEVEL;
  const make = spawn('make', ['run', `LISTEN=127.0.0.1:${port}`], { cwd: join(dir, 'sioserver'), env, stdio: ['ignore', 'pipe', 'inherit'], detached: true });
  const ended = new Promise((resolve) => make.once('exit', resolve));
  later(async () => {
    process.kill(-make.pid, 'SIGTERM');
    await within(ended, 'the end of make', MOST_MS);
  });
  let printed = '';
  const listening = new Promise((resolve) => make.stdout.on('data', (part) => /"listening"/.test((printed += part)) && resolve()));
  const failed = ended.then((code) => Promise.reject(new Error(`make run ended with ${code}: ${printed}`)));
  await within(Promise.race([listening, failed]), 'make run', MOST_MS);
  failed.catch(() => {});

  const socket = client({ url: `http://127.0.0.1:${port}` }, 'upgrade');
  await connected(socket);
  const hello = once(socket, 'hello');
  await run('sh', ['-c', curl.replace('127.0.0.1:3001', `127.0.0.1:${control}`)]);
  assert.deepEqual((await hello)[0], { from: 'curl' });
  const took = performance.now() - begun;
  figure(`${(took / 1000).toFixed(1)} s, with warm caches of Go's modules and of npm`);
  assert.ok(took < MOST_MS);
}, 180_000);
