// The application contract seen by the official client.

import assert from 'node:assert/strict';
import { io } from 'socket.io-client';
import { soon } from './deadline.mjs';

const MODES = {
  websocket: ['websocket'],
  polling: ['polling'],
  upgrade: ['polling', 'websocket'],
};
const BURST = 200;
const ARGUMENTS = [
  [],
  ['text', 1.5, true, null],
  [{ nested: { list: [1, 'ü€😀', []] } }, ['a']],
  [Buffer.from([0, 1, 254, 255])],
  [{ data: Buffer.from('deep') }, 'x'.repeat(5000)],
];

const event = (client, name) =>
  soon(`event ${name}`, new Promise((resolve) => client.once(name, (...args) => resolve(args))));

const asked = (client, ...args) =>
  soon(`ack of ${args[0]}`, new Promise((resolve) => client.emit(...args, (...answer) => resolve(answer))));

async function connect(target, mode) {
  const client = io(`http://${target.listening}`, { transports: MODES[mode], forceNew: true, reconnection: false });
  await soon('connection', new Promise((resolve, reject) => {
    client.once('connect', resolve).once('connect_error', reject);
  }));
  const { engine } = client.io;
  if (mode === 'upgrade' && engine.transport.name !== 'websocket') {
    await soon('upgrade', new Promise((resolve) => engine.once('upgrade', resolve)));
  }
  assert.equal(engine.transport.name, mode === 'polling' ? 'polling' : 'websocket');
  return client;
}

async function echoes(client) {
  for (const args of ARGUMENTS) {
    const plain = event(client, 'echo');
    client.emit('echo', ...args);
    assert.deepEqual(await plain, args);

    const [emitted, acked] = await Promise.all([event(client, 'echo'), asked(client, 'echo', ...args)]);
    assert.deepEqual(emitted, args);
    assert.deepEqual(acked, args);
  }
}

async function everyEcho(client, ordered) {
  const sent = Array.from({ length: BURST }, (_, i) => i);
  const seen = [];
  const all = new Promise((resolve) => {
    client.on('echo', (i) => seen.push(i) === BURST && resolve());
  });
  for (const i of sent) client.emit('echo', i);
  await soon(`${BURST} echoes`, all);
  client.off('echo');
  if (!ordered) seen.sort((a, b) => a - b);
  const wrong = seen.findIndex((n, i) => n !== i);
  assert.equal(wrong, -1, `echo ${seen[wrong]} in the place of ${wrong}`);
}

// Only what arrives before the later broadcast counts as arrived at c, which is no member.
async function roomsAndBroadcast([a, b, c], ordered) {
  assert.deepEqual(await asked(a, 'join', 'r'), []);
  if (ordered) {
    b.emit('join', 'r');
    await asked(b, 'echo', 'b is in');
  } else {
    await asked(b, 'join', 'r');
  }
  const strayed = [];
  c.on('room', (...args) => strayed.push(args));

  const members = [event(a, 'room'), event(b, 'room')];
  a.emit('room', 'r', { to: 'members' }, Buffer.from([7]));
  for (const args of await Promise.all(members)) assert.deepEqual(args, ['r', { to: 'members' }, Buffer.from([7])]);

  const everybody = [a, b, c].map((client) => event(client, 'bcast'));
  c.emit('bcast', 'all', 2, Buffer.from([8]));
  for (const args of await Promise.all(everybody)) assert.deepEqual(args, ['all', 2, Buffer.from([8])]);
  assert.deepEqual(strayed, []);
}

async function sinks(client) {
  const answers = [];
  client.onAny((...args) => answers.push(args));
  client.emit('sink', 'x'.repeat(1000), Buffer.alloc(10));
  await asked(client, 'echo', 'after');
  client.offAny();
  assert.deepEqual(answers, [['echo', 'after']]);
}

export async function checkSocketIO(target, { mode, ordered }, clients) {
  const own = await Promise.all([1, 2, 3].map(() => connect(target, mode)));
  clients.push(...own);
  await echoes(own[0]);
  await everyEcho(own[1], ordered);
  await sinks(own[2]);
  await roomsAndBroadcast(own, ordered);
}
