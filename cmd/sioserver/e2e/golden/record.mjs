// Records what the official adapters and the emitter publish: node golden/record.mjs [--check] ROOMS
//
// Two servers and a client of each go through every operation over a real Redis; what is handed to PUBLISH and SPUBLISH
// is written down as it is, one file for each library. Time and randomness are fixed, so the same versions write the
// same files, and --check says whether they do. ROOMS is the directory of the Go package that reads them, with those below.

import { mock } from 'node:test';
import { fixRandomness } from './random.mjs';

fixRandomness();
mock.timers.enable({ apis: ['Date'], now: Date.UTC(2026, 0, 1) });
process.env.TZ = 'UTC';

const { mkdirSync, readFileSync, writeFileSync } = await import('node:fs');
const { dirname, join } = await import('node:path');
const { fileURLToPath } = await import('node:url');
const { createAdapter, createShardedAdapter } = await import('@socket.io/redis-adapter');
const { Emitter } = await import('@socket.io/redis-emitter');
const { createAdapter: createAdapter7 } = await import('redis-adapter-7');
const { createClient } = await import('redis');
const { startRedis } = await import('../suite/redis.mjs');
const { emitter, lists, old, operations, values } = await import('./operations.mjs');
const { Pair } = await import('./pair.mjs');

const RECORDINGS = {
  'redis/testdata/redis-adapter-8': ['@socket.io/redis-adapter', adapterOf(createAdapter, {}), { ...operations, ...values, ...lists }],
  'redis/testdata/redis-adapter-8-specific': ['@socket.io/redis-adapter', adapterOf(createAdapter, { key: 'other', publishOnSpecificResponseChannel: true }), { ...operations, ...lists }],
  'redis/testdata/redis-adapter-7': ['redis-adapter-7', adapterOf(createAdapter7, {}), { ...operations, ...lists, ...old }],
  'cluster/testdata/redis-adapter-8-sharded': ['@socket.io/redis-adapter', adapterOf(createShardedAdapter, {}), { ...operations, ...values }],
  'cluster/testdata/redis-adapter-8-sharded-static': ['@socket.io/redis-adapter', adapterOf(createShardedAdapter, { subscriptionMode: 'static' }), operations],
  'cluster/testdata/redis-adapter-8-sharded-private': ['@socket.io/redis-adapter', adapterOf(createShardedAdapter, { subscriptionMode: 'dynamic-private' }), operations],
  'redis/testdata/redis-emitter-5': ['@socket.io/redis-emitter', adapterOf(createAdapter, {}), emitter],
};

function adapterOf(create, options) {
  return (pub, sub) => create(pub, sub, options);
}

const version = (name) => {
  const file = fileURLToPath(new URL(`../node_modules/${name}/package.json`, import.meta.url));
  return JSON.parse(readFileSync(file, 'utf8')).version;
};

// A client of Redis whose publications are noted.
async function noting(path, note) {
  const client = createClient({ socket: { path } });
  client.on('error', () => {});
  await client.connect();
  for (const name of ['publish', 'sPublish']) {
    const publish = client[name].bind(client);
    client[name] = (channel, payload) => {
      note(channel, payload);
      return publish(channel, payload);
    };
  }
  return client;
}

const written = (payload) => (typeof payload === 'string' ? { text: payload } : { hex: Buffer.from(payload).toString('hex') });

async function record([name, adapter, steps]) {
  const redis = await startRedis();
  let messages = [];
  const clients = [];
  const client = async (by) => {
    const c = await noting(redis.path, (channel, payload) => messages.push({ by, channel, ...written(payload) }));
    clients.push(c);
    return c;
  };
  const join = async (by) => adapter(await client(by), await client(by));
  const pair = await Pair.start([await join('a'), await join('b')]);
  pair.emitter = new Emitter(await client('emitter'));
  messages = [];
  const recorded = [];
  for (const [step, [count, act]] of Object.entries(steps)) {
    await pair.step(step, () => messages.length >= count, act);
    for (const m of messages) recorded.push({ step, ...m });
    messages = [];
  }
  await pair.stop();
  await Promise.all(clients.map((c) => c.close()));
  await redis.stop();
  return JSON.stringify({ library: name, version: version(name), messages: recorded }, null, 1) + '\n';
}

const check = process.argv[2] === '--check';
const dir = process.argv[check ? 3 : 2];
if (!dir) {
  console.error('usage: record.mjs [--check] ROOMS');
  process.exit(2);
}
let differ = 0;
for (const [name, recording] of Object.entries(RECORDINGS)) {
  const file = join(dir, `${name}.json`);
  mkdirSync(dirname(file), { recursive: true });
  const text = await record(recording);
  if (!check) writeFileSync(file, text);
  else if (readFileSync(file, 'utf8') !== text) {
    console.error(`${file}: the library publishes something else now; record again and look at the difference`);
    differ++;
  }
}
process.exit(differ && 1);
