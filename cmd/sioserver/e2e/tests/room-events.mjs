// What the server tells of its rooms: who makes them, joins, leaves, and who was the last.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { MODES, connect } from '../suite/client.mjs';
import { startServer } from '../suite/server.mjs';

let server;
before(async () => (server = await startServer({ roomEvents: true, eio3: true })));
after(() => server.stop());

const KINDS = ['create-room', 'join-room', 'leave-room', 'delete-room'];

// The journal's lines about a room, in order, as "join-room" or "join-room first".
function story(nsp, room, names) {
  const lines = server.journal.filter((l) => KINDS.includes(l.event) && l.nsp === nsp && l.room === room);
  return lines.map(({ event, sid }) => (sid ? `${event} ${names[sid]}` : event));
}

for (const mode of MODES) {
  for (const nsp of ['/', '/dyn-1']) {
    test(`room events, ${mode}, ${nsp}: a room from its first member to its last`, async () => {
      const first = await connect(server, mode, { nsp });
      const second = await connect(server, mode, { nsp });
      const names = { [first.id]: 'first', [second.id]: 'second' };
      const room = `room of ${mode}`;
      await first.emitWithAck('join', room);
      await second.emitWithAck('join', room);
      await second.emitWithAck('join', room);
      await first.emitWithAck('leave', room);
      const { id } = second;
      second.disconnect();
      await server.saw({ event: 'delete-room', nsp, room });
      assert.deepEqual(story(nsp, room, names), [
        'create-room', 'join-room first', 'join-room second', 'leave-room first', 'leave-room second', 'delete-room',
      ]);
      await server.saw({ event: 'delete-room', nsp, room: id });
      assert.deepEqual(story(nsp, id, names), ['create-room', 'join-room second', 'leave-room second', 'delete-room']);
    });
  }
}

test('room events: many are moved at once', async () => {
  const clients = await Promise.all([0, 1, 2].map(() => connect(server, 'websocket', { nsp: '/chat' })));
  const names = Object.fromEntries(clients.map(({ id }, i) => [id, i]));
  for (const socket of clients) await socket.emitWithAck('join', 'from');
  await clients[0].emitWithAck('move', 'from', 'to');
  await server.saw({ event: 'delete-room', nsp: '/chat', room: 'from' });
  const [made, ...joined] = story('/chat', 'to', names);
  assert.equal(made, 'create-room');
  assert.deepEqual(joined.sort(), ['join-room 0', 'join-room 1', 'join-room 2']);
});

test('room events: a client of version 2 is told by its own kind of id', async () => {
  const socket = await connect(server, 'websocket', { nsp: '/chat', version: 2 });
  const sid = socket.id;
  assert.match(sid, /^\/chat#/);
  await socket.emitWithAck('join', 'old');
  await server.saw({ event: 'join-room', nsp: '/chat', room: 'old', sid });
  socket.disconnect();
  await server.saw({ event: 'delete-room', nsp: '/chat', room: sid });
});
