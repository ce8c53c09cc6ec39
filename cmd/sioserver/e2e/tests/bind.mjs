// Clients over a transport that the application makes, beside others: the official client with a transport of its own.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, test } from 'node:test';
import { answers, connect, marker, share, connected } from '../suite/client.mjs';
import { Lines } from '../suite/lines.mjs';
import { startServer } from '../suite/server.mjs';
import { gather, once, until } from '../suite/wait.mjs';

let server;
let at;
before(async () => {
  server = await startServer({ lines: true });
  const { port } = await server.saw({ event: 'lines' });
  at = { url: `http://127.0.0.1:${port}` };
});
after(() => server.stop());

const lines = (options) => connect(at, 'lines', { transports: [Lines], ...options });

test('bind: events, answers and binary values over a transport of its own', async () => {
  const socket = await lines({ auth: { who: 'me' } });
  assert.equal(socket.io.engine.transport.name, 'lines');
  assert.match(socket.io.engine.id, /^lines-\d+$/);
  assert.equal(await socket.emitWithAck('transport'), 'lines');
  assert.deepEqual((await socket.emitWithAck('handshake')).auth, { who: 'me' });
  const values = [1, 'é😀', { a: [randomBytes(2000), null] }, randomBytes(3)];
  const echoed = once(socket, 'echo');
  assert.deepEqual(await answers(socket, 'echo', ...values), values);
  assert.deepEqual(await echoed, values);
  const seen = gather(socket, 'seq');
  socket.emit('sequence', 500);
  await until(() => seen.length >= 500, '500 events');
  assert.deepEqual(seen.flat(), Array.from({ length: 500 }, (_, i) => i));
});

test('bind: rooms and broadcasts, with clients of other transports', async () => {
  const clients = [await lines(), await connect(server, 'polling'), await connect(server, 'websocket')];
  for (const socket of clients) await socket.emitWithAck('join', 'mixed');
  const heard = clients.map((socket) => once(socket, 'room'));
  const bytes = randomBytes(100);
  clients[1].emit('room', 'mixed', 'text', { bytes });
  for (const args of heard) assert.deepEqual(await args, ['mixed', 'text', { bytes }]);
  clients.forEach((socket, i) => socket.on('question', (x, ack) => ack(`${x}${i}`)));
  const [err, list] = await answers(clients[0], 'op-ask', { to: ['mixed'], ms: 10_000 }, 'q');
  assert.equal(err, null);
  assert.deepEqual(list.sort(), ['q0', 'q1', 'q2']);
});

test('bind: namespaces, and every way to end', async () => {
  const socket = await lines();
  const chat = share(socket, '/chat');
  await connected(chat);
  const sids = { '/': socket.id, '/chat': chat.id };
  const gone = once(chat, 'disconnect');
  chat.emit('kick', false);
  assert.equal((await gone)[0], 'io server disconnect');
  assert.equal(await server.reasonOf(sids['/chat']), 'server namespace disconnect');
  await marker(socket);
  const dropped = await lines();
  const { id } = dropped;
  dropped.io.engine.close();
  assert.equal(await server.reasonOf(id), 'transport close');
  const cut = await lines();
  const closed = once(cut, 'disconnect');
  cut.emit('kick', true);
  assert.equal((await closed)[0], 'io server disconnect');
  socket.disconnect();
  assert.equal(await server.reasonOf(sids['/']), 'client namespace disconnect');
});
