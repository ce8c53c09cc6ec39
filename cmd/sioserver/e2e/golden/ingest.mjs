// Records what publishers of other languages publish: node golden/ingest.mjs PYTHON INGEST
//
// The real libraries publish into a real Redis, and what its subscribers get is written down as it is, one file for each.
// PYTHON is an interpreter that has requirements.txt, INGEST the directory of the Go package that reads the files.

import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createClient } from 'redis';
import { startRedis } from '../suite/redis.mjs';

const [python, dir] = process.argv.slice(2);
if (!dir) {
  console.error('usage: ingest.mjs PYTHON INGEST');
  process.exit(2);
}

const script = (name) => fileURLToPath(new URL(name, import.meta.url));
const ask = (...command) => execFileSync(command[0], command.slice(1), { encoding: 'utf8' }).trim();

const RECORDINGS = {
  'python-socketio-5': {
    library: 'python-socketio', by: 'python', run: [python, script('publish.py')],
    version: () => ask(python, '-c', "import importlib.metadata as m; print(m.version('python-socketio'))"),
  },
  'laravel-8': {
    library: 'illuminate/broadcasting', by: 'laravel', run: ['php', '-d', 'display_errors=stderr', script('publish.php')],
    version: () => ask('dpkg-query', '-W', '-f', '${Version}', 'php-illuminate-broadcasting').replace(/[+-].*/, ''),
  },
};

// Steps are told on a channel of their own, and Redis keeps the order.
async function record({ library, by, run, version }) {
  const redis = await startRedis();
  const client = createClient({ socket: { path: redis.path } });
  await client.connect();
  const messages = [];
  let step, over;
  const heard = new Promise((resolve) => (over = resolve));
  await client.pSubscribe('*', (payload, channel) => {
    const text = payload.toString();
    if (`${channel}` === 'over') over();
    else if (`${channel}` === 'step') step = text;
    else messages.push({ step, by, channel: `${channel}`, ...(Buffer.from(text).equals(payload) ? { text } : { hex: payload.toString('hex') }) });
  }, true);
  const child = spawn(run[0], [...run.slice(1), redis.path], { stdio: ['ignore', 'inherit', 'inherit'] });
  const code = await new Promise((resolve, reject) => child.once('error', reject).once('exit', resolve));
  if (code !== 0) throw new Error(`${run.join(' ')} ended with status ${code}`);
  await redis.ask('PUBLISH', 'over', '');
  await heard;
  await client.close();
  await redis.stop();
  return JSON.stringify({ library, version: version(), messages }, null, 1) + '\n';
}

mkdirSync(dir, { recursive: true });
for (const [name, recording] of Object.entries(RECORDINGS)) writeFileSync(join(dir, `${name}.json`), await record(recording));
