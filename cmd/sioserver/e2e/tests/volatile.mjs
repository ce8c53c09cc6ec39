// Volatile events: they reach a client that can take them, and are dropped for one that cannot.

import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { MODES, answers, client, connect, connected, marker } from '../suite/client.mjs';
import { profile } from '../suite/profile.mjs';
import { Polling, endWebSockets } from '../suite/raw.mjs';
import { Relay } from '../suite/relay.mjs';
import { startServer } from '../suite/server.mjs';
import { gather, once, until } from '../suite/wait.mjs';

// More than the kernel takes for a peer that does not read: send and receive buffers of the relay included.
const FLOOD_EVENTS = 200;
const FLOOD_BYTES = 256 * 1024;

let server;
before(async () => (server = await startServer()));
after(() => server.stop());
afterEach(endWebSockets);

for (const mode of MODES) {
  test(`volatile, ${mode}: the first of a burst arrives, then the regular event`, async () => {
    const socket = await connect(server, mode);
    // A settled client is one the server can write to: the answer has gone, the next poll is there or on its way.
    await marker(socket);
    const got = gather(socket, 'v');
    const end = once(socket, 'v-end');
    socket.emit('volatile-burst', 3);
    await end;
    const numbers = got.map(([n]) => n);
    assert.deepEqual(numbers, [0, 1, 2].slice(0, numbers.length));
    // Over polling even the first finds no poll when the event came in before the client's next request.
    if (mode !== 'polling') assert.ok(numbers.length >= 1, 'the first volatile event was dropped');
    if (profile.volatileBurst === 'first only') assert.ok(numbers.length <= 1, 'more than the first arrived');
  });

  test(`volatile, ${mode}: the client's own volatile events arrive while it is connected`, async () => {
    const socket = await connect(server, mode);
    await marker(socket);
    // Over polling the client cannot write while an earlier POST of its own is under way, and would drop it itself.
    await until(() => socket.io.engine.transport.writable, 'writable transport');
    const back = once(socket, 'message-back');
    socket.volatile.emit('message', mode);
    assert.deepEqual(await back, [mode]);
  });

  test(`volatile, ${mode}: the client drops its volatile events before the connection`, async () => {
    const socket = client(server, mode);
    const back = gather(socket, 'message-back');
    socket.volatile.emit('message', 'dropped');
    socket.emit('message', 'kept');
    await connected(socket);
    await marker(socket);
    assert.deepEqual(back, [['kept']]);
  });
}

test('volatile: nothing is kept for a polling client between two polls', async () => {
  const away = await Polling.join(server);
  const sender = await connect(server, 'websocket');
  await sender.emitWithAck('volatile-room', away.socketId, 'lost');
  sender.emit('room', away.socketId, 'kept');
  await marker(sender);
  assert.deepEqual(await away.read(1), [`42["room","${away.socketId}","kept"]`]);
});

test('volatile: a polling client with a poll on the wire gets it', async () => {
  const there = await Polling.join(server);
  const sender = await connect(server, 'websocket');
  const poll = await there.hold();
  // The poll has left this process; two round trips of another client later it has been read.
  await marker(sender);
  await marker(sender);
  await sender.emitWithAck('volatile-room', there.socketId, 'here');
  const { status, body } = await poll.answer;
  assert.equal(status, 200);
  assert.equal(body, '42["v","here"]');
});

test('volatile: a broadcast reaches those who can take it', async () => {
  const room = 'volatile-mixed';
  const away = await Polling.join(server);
  await away.post(`42["join","${room}"]`);
  const there = await connect(server, 'websocket');
  await there.emitWithAck('join', room);
  const got = once(there, 'v');
  await there.emitWithAck('volatile-room', room, 'x');
  assert.deepEqual(await got, ['x']);
  there.emit('room', room, 'kept');
  await marker(there);
  assert.deepEqual(await away.read(1), [`42["room","${room}","kept"]`]);
});

test('volatile: a websocket client that does not read loses events, in order, and nothing else', async () => {
  const relay = await Relay.start(server);
  const slow = await connect(relay, 'websocket');
  const helper = await connect(server, 'websocket');
  const got = gather(slow, 'v');
  relay.hold();
  await answers(helper, 'volatile-flood', slow.id, FLOOD_EVENTS, FLOOD_BYTES);
  helper.emit('room', slow.id, 'behind the flood');
  await marker(helper);

  const behind = once(slow, 'room');
  relay.release();
  await behind;
  const numbers = got.map(([n]) => n);
  assert.ok(numbers.length >= 1, 'the first volatile event was dropped');
  assert.ok(numbers.length < FLOOD_EVENTS, 'no volatile event was dropped');
  assert.deepEqual(numbers, [...new Set(numbers)].sort((a, b) => a - b));
  assert.equal(slow.connected, true);
});
