// Clients of versions 2, 3 and 4 over all transports in one room: each hears what each of the others sends.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, test } from 'node:test';
import { MODES, answers, connect } from '../suite/client.mjs';
import { startServer } from '../suite/server.mjs';
import { gather, until } from '../suite/wait.mjs';

const VERSIONS = [2, 3, 4];
const ROOM = 'mixed';

let server;
before(async () => (server = await startServer({ eio3: true })));
after(() => server.stop());

let spaces = 0;

// One client of each version and transport, in a namespace of its own for each test.
async function everybody() {
  const nsp = `/dyn-${++spaces}`;
  const kinds = VERSIONS.flatMap((version) => MODES.map((mode) => ({ version, mode })));
  const clients = await Promise.all(kinds.map(({ version, mode }) => connect(server, mode, { version, nsp })));
  await Promise.all(clients.map((socket) => socket.emitWithAck('join', ROOM)));
  return { kinds, clients };
}

const CONTENTS = {
  text: (i) => [`é😀${i}`, { n: i, list: [null, true, 'x'.repeat(300)] }],
  binary: (i) => [randomBytes(20 + i), { deep: [randomBytes(3)], n: i }, randomBytes(2000)],
};

for (const [name, make] of Object.entries(CONTENTS)) {
  test(`mixed: ${name} of each reaches all, once, in order`, async () => {
    const { clients } = await everybody();
    const heard = clients.map((socket) => gather(socket, 'room'));
    const sent = [];
    // One after the other, so that there is one order to compare with.
    for (const [i, socket] of clients.entries()) {
      const args = make(i);
      sent.push([ROOM, ...args]);
      socket.emit('room', ROOM, ...args);
      await until(() => heard.every((list) => list.length === sent.length), `broadcast ${i} at all`);
    }
    for (const list of heard) assert.deepEqual(list, sent);
  });
}

test('mixed: the sender is left out, and so is a member of another room', async () => {
  const { clients } = await everybody();
  const [sender, deaf, ...others] = clients;
  await deaf.emitWithAck('join', 'mute');
  const heard = clients.map((socket) => gather(socket, 'op'));
  const ends = clients.map((socket) => gather(socket, 'bcast'));
  sender.emit('op-emit', { from: 'socket', to: [ROOM], except: ['mute'] }, Buffer.from('x'), 'y');
  sender.emit('bcast', 'end');
  await until(() => ends.every((list) => list.length === 1), 'end at all');
  assert.deepEqual(heard.slice(0, 2), [[], []]);
  assert.deepEqual(heard.slice(2), others.map(() => [[Buffer.from('x'), 'y']]));
});

test('mixed: all answer one question, with text and binary', async () => {
  const { clients } = await everybody();
  for (const [i, socket] of clients.entries()) {
    socket.on('question', (x, ack) => ack(i % 2 ? `${x}${i}` : Buffer.from([i])));
  }
  const [err, list] = await answers(clients[0], 'op-ask', { to: [ROOM], ms: 10_000 }, 'q');
  assert.equal(err, null);
  const expected = clients.map((_, i) => (i % 2 ? `q${i}` : Buffer.from([i])));
  assert.deepEqual(list.map(String).sort(), expected.map(String).sort());
  assert.equal(list.filter(Buffer.isBuffer).length, 5);
});

test('mixed: a query finds them all with their rooms, one request moves and one ends them', async () => {
  const { clients, kinds } = await everybody();
  const [asker] = clients.splice(kinds.findIndex(({ version }) => version === 4), 1);
  await asker.emitWithAck('leave', ROOM);
  await asker.emitWithAck('op-join', { to: [ROOM] }, ['other']);
  const found = await asker.emitWithAck('op-fetch', { to: ['other'] });
  assert.deepEqual(found.map(({ id }) => id), clients.map(({ id }) => id).sort());
  for (const { id, rooms } of found) assert.deepEqual(rooms, [id, ROOM, 'other'].sort());
  const left = clients.map((socket) => gather(socket, 'disconnect'));
  asker.emit('op-disconnect', { to: ['other'] }, true);
  await until(() => left.every((list) => list[0]?.[0] === 'io server disconnect'), 'end of all');
  assert.deepEqual(await asker.emitWithAck('op-fetch', {}), [
    { id: asker.id, rooms: [asker.id], value: null, auth: {} },
  ]);
});
