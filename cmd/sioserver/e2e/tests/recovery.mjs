// Connection state recovery: what was missed arrives in order and once, and the socket is the one it was.

import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { MODES, connect, connected, marker, share } from '../suite/client.mjs';
import { Polling, RawWebSocket, endWebSockets } from '../suite/raw.mjs';
import { Relay } from '../suite/relay.mjs';
import { startServer } from '../suite/server.mjs';
import { gather, once, until } from '../suite/wait.mjs';

let server;
// The heartbeat is quick enough for a test to wait for it, and slow enough for a busy machine.
before(async () => (server = await startServer({ recovery: 60_000, pingInterval: 1000, pingTimeout: 1500 })));
after(() => server.stop());
afterEach(endWebSockets);

// A client in a room that its connection can be taken from, and one that stays and sends.
async function pair(mode, options) {
  const relay = await Relay.start(server);
  const [socket, sender] = await Promise.all([connect(relay, mode, options), connect(server, 'websocket', options)]);
  const room = `room of ${socket.id}`;
  await socket.emitWithAck('join', room);
  await socket.emitWithAck('remember', { mode, bytes: 3 });
  return { relay, socket, sender, room };
}

async function gone(socket, id, times = 1) {
  await server.sawTimes(times, { event: 'disconnect', sid: id });
}

const KILLS = {
  'the client closes its connection': async ({ socket }) => socket.io.engine.close(),
  'the network cuts it': async ({ relay, socket }) => {
    const left = once(socket, 'disconnect');
    relay.down();
    await left;
    relay.up();
  },
  'the network swallows everything': async ({ relay, socket }) => {
    const left = once(socket, 'disconnect');
    relay.deafen('toServer');
    relay.deafen('toClient');
    await left;
    relay.hear();
  },
};

for (const mode of MODES) {
  for (const [name, kill] of Object.entries(KILLS)) {
    test(`recovery, ${mode}: ${name}`, async () => {
      const all = await pair(mode, { nsp: '/custom' });
      const { socket, sender, room } = all;
      const { id } = socket;
      assert.equal(socket.recovered, false);
      // The server adds its offset behind the arguments, which the client hands on.
      const heard = gather(socket, 'room');
      for (const n of [1, 2, 3]) sender.emit('room', room, n);
      await marker(sender);
      // These may still go out on the old connection, or be on the way when it ends.
      for (const n of [4, 5]) sender.emit('room', room, n);
      await kill(all);
      await gone(socket, id);
      for (const n of [6, 7, 8]) sender.emit('room', room, n, Buffer.from([n]));
      await marker(sender);

      socket.connect();
      await connected(socket);
      assert.equal(socket.recovered, true);
      assert.equal(socket.id, id);
      sender.emit('room', room, 9);
      await until(() => heard.at(-1)?.[1] === 9, 'the event behind the recovery');
      assert.deepEqual(heard.map(([, n]) => n), [1, 2, 3, 4, 5, 6, 7, 8, 9]);
      assert.deepEqual(heard[5].slice(2, 3), [Buffer.from([6])]);
      const state = await socket.emitWithAck('state');
      assert.deepEqual(state, { recovered: true, value: { mode, bytes: 3 }, rooms: [id, room].sort() });
      await server.saw({ event: 'connect', sid: id, recovered: true });
      assert.equal(server.lines({ event: 'connect', sid: id }).length, 2);
    });
  }

  test(`recovery, ${mode}: again and again`, async () => {
    const { socket, sender, room } = await pair(mode);
    const { id } = socket;
    const heard = gather(socket, 'room');
    for (let round = 1; round <= 3; round++) {
      socket.io.engine.close();
      await gone(socket, id, round);
      sender.emit('room', room, round);
      await marker(sender);
      socket.connect();
      await connected(socket);
      assert.equal(socket.recovered, true);
      assert.equal(socket.id, id);
    }
    await marker(socket);
    assert.deepEqual(heard.map(([, n]) => n), [1, 2, 3]);
  });

  test(`recovery, ${mode}: every kind of broadcast, and only what was meant for the socket`, async () => {
    const { socket, sender, room } = await pair(mode, { nsp: `/dyn-${MODES.indexOf(mode)}` });
    const { id } = socket;
    const heard = [];
    socket.onAny((event, ...args) => event === 'auth' || heard.push(event, args[0]));
    socket.io.engine.close();
    await gone(socket, id);
    sender.emit('bcast', 'to all');
    sender.emit('bcast-others', 'to the others');
    sender.emit('bcast-except', room, 'not to the room');
    sender.emit('room', id, 'to the socket');
    sender.emit('room', 'another room', 'not here');
    sender.emit('union', [room, id, 'another room'], 'to the union');
    sender.emit('room-except', room, id, 'not to the socket');
    await sender.emitWithAck('volatile-room', room, 'volatile');
    sender.emit('room', room, 'last');
    await marker(sender);
    socket.connect();
    await connected(socket);
    await marker(socket);
    const expected = ['bcast', 'to all', 'bcast', 'to the others', 'room', id, 'union', 'to the union', 'room', room];
    assert.deepEqual(heard, expected);
  });

  test(`recovery, ${mode}: two namespaces of one connection`, async () => {
    const root = await connect(server, mode);
    const chat = share(root, '/chat');
    await connected(chat);
    const sender = await connect(server, 'websocket');
    const other = share(sender, '/chat');
    await connected(other);
    const ids = [root.id, chat.id];
    // A client can recover once it has an event, whose offset it gives.
    await Promise.all([marker(root), marker(chat)]);
    const heard = [gather(root, 'room'), gather(chat, 'room')];
    root.io.engine.close();
    for (const id of ids) await gone(root, id);
    sender.emit('room', ids[0], 'root');
    other.emit('room', ids[1], 'chat');
    await Promise.all([marker(sender), marker(other)]);
    root.connect();
    chat.connect();
    await Promise.all([connected(root), connected(chat)]);
    assert.deepEqual([root.recovered, chat.recovered], [true, true]);
    assert.deepEqual([root.id, chat.id], ids);
    await Promise.all([marker(root), marker(chat)]);
    assert.deepEqual(heard.map((list) => list.map(([, what]) => what)), [['root'], ['chat']]);
  });

  test(`recovery, ${mode}: the middlewares are passed over`, async () => {
    const socket = await connect(server, mode, { nsp: '/guarded', auth: { token: 'secret' } });
    const { id } = socket;
    await marker(socket);
    socket.io.engine.close();
    await gone(socket, id);
    socket.auth = { token: 'wrong by now' };
    socket.connect();
    await connected(socket);
    assert.equal(socket.recovered, true);
    await server.upTo(socket);
    assert.equal(server.lines({ event: 'middleware', sid: id }).length, 1);
    assert.deepEqual(await socket.emitWithAck('steps'), ['one', 'two']);
  });

  test(`recovery, ${mode}: a client that reconnects by itself recovers`, async () => {
    const { relay, socket, sender, room } = await pair(mode, { reconnection: true, reconnectionDelay: 20 });
    const { id } = socket;
    const heard = gather(socket, 'room');
    const again = once(socket, 'connect');
    relay.down();
    await once(socket.io, 'reconnect_error');
    sender.emit('room', room, 'missed');
    await marker(sender);
    await gone(socket, id);
    relay.up();
    await again;
    assert.deepEqual([socket.recovered, socket.id], [true, id]);
    await marker(socket);
    assert.deepEqual(heard.map(([, what]) => what), ['missed']);
  });
}

test('recovery: by hand, the missed events come before the answer to CONNECT', async () => {
  const raw = await RawWebSocket.open(server);
  raw.send('40{"who":"raw"}');
  const { sid, pid } = JSON.parse((await raw.next()).slice(2));
  assert.match(pid, /^[\w-]{20}$/);
  assert.notEqual(pid, sid);
  const [event, auth, offset] = JSON.parse((await raw.next()).slice(2));
  assert.deepEqual([event, auth, typeof offset], ['auth', { who: 'raw' }, 'string']);
  raw.ws.terminate();
  await gone(raw, sid);
  const sender = await connect(server, 'websocket');
  for (const n of [1, 2]) sender.emit('room', sid, n);
  await marker(sender);

  const session = await Polling.open(server);
  await session.post(`40${JSON.stringify({ pid, offset })}`);
  const packets = await session.read(3);
  assert.deepEqual(packets.slice(0, 2).map((packet) => JSON.parse(packet.slice(2)).slice(0, 3)), [
    ['room', sid, 1],
    ['room', sid, 2],
  ]);
  assert.equal(packets[2], `40${JSON.stringify({ sid, pid })}`);
});

test('recovery: what asks for an answer carries no offset and is not sent again', async () => {
  const socket = await connect(server, 'websocket');
  const { id } = socket;
  const asked = once(socket, 'question');
  socket.emit('ask', 'x');
  assert.equal((await asked).length, 2);
  const again = gather(socket, 'question');
  socket.io.engine.close();
  await gone(socket, id);
  socket.connect();
  await connected(socket);
  await marker(socket);
  assert.equal(socket.recovered, true);
  assert.deepEqual(again, []);
});
