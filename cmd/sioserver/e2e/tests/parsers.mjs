// Parsers that users make, on both sides: by the interface of the server and the option of the official client.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, afterEach, before, test } from 'node:test';
import { MODES, answers, client, connect as connectAs, connected, marker, settled, share } from '../suite/client.mjs';
import { mirror, object } from '../suite/parsers.mjs';
import { VIOLATION_REASONS } from '../suite/profile.mjs';
import { RawWebSocket, endWebSockets } from '../suite/raw.mjs';
import { startServer } from '../suite/server.mjs';
import { gather, once, until } from '../suite/wait.mjs';

const PARSERS = { object, mirror };
const servers = {};
before(async () => {
  for (const parser of Object.keys(PARSERS)) servers[parser] = await startServer({ parser, eio3: true });
});
after(() => Promise.all(Object.values(servers).map((server) => server.stop())));
afterEach(endWebSockets);

const VALUES = [0, -1.5, 2 ** 53 - 1, '', 'é😀', true, false, null, [], {}, [[{ a: [null, { b: 'x'.repeat(5000) }] }]]];

for (const [name, parser] of Object.entries(PARSERS)) {
  for (const mode of MODES) {
    const connect = (options) => connectAs(servers[name], mode, { parser, ...options });

    test(`parser ${name}, ${mode}: values come back, as events and as answers`, async () => {
      const socket = await connect();
      assert.equal(await socket.emitWithAck('transport'), settled(mode));
      const echoed = once(socket, 'echo');
      assert.deepEqual(await answers(socket, 'echo', ...VALUES), VALUES);
      assert.deepEqual(await echoed, VALUES);
    });

    test(`parser ${name}, ${mode}: auth, other namespaces, refusals`, async () => {
      const socket = await connect({ auth: { who: 'me' } });
      const { auth } = await socket.emitWithAck('handshake');
      assert.deepEqual(auth, { who: 'me' });
      const chat = share(socket, '/chat');
      await connected(chat);
      const joined = share(socket, '/guarded', { auth: { token: 'secret' } });
      await connected(joined);
      assert.deepEqual(await joined.emitWithAck('steps'), ['one', 'two']);
      const refused = share(socket, '/refuse');
      const [error] = await once(refused, 'connect_error');
      assert.equal(error.message, 'Refused');
      const nowhere = share(socket, '/nowhere');
      assert.equal((await once(nowhere, 'connect_error'))[0].message, 'Invalid namespace');
      const gone = once(chat, 'disconnect');
      chat.emit('kick', false);
      assert.equal((await gone)[0], 'io server disconnect');
      await marker(socket);
    });

    test(`parser ${name}, ${mode}: rooms, broadcasts and their answers`, async () => {
      const clients = await Promise.all([0, 1, 2].map(() => connect({ nsp: '/custom' })));
      const room = `${name} ${mode}`;
      for (const socket of clients) await socket.emitWithAck('join', room);
      const heard = clients.map((socket) => once(socket, 'room'));
      clients[0].emit('room', room, { n: [1] }, 'x');
      for (const args of heard) assert.deepEqual(await args, [room, { n: [1] }, 'x']);
      clients.forEach((socket, i) => socket.on('question', (x, ack) => ack([x, i])));
      const [err, list] = await answers(clients[0], 'op-ask', { to: [room], ms: 10_000 }, 'q');
      assert.equal(err, null);
      assert.deepEqual(list.sort(), [['q', 0], ['q', 1], ['q', 2]]);
    });

    test(`parser ${name}, ${mode}: order is kept`, async () => {
      const socket = await connect();
      const seen = gather(socket, 'seq');
      socket.emit('sequence', 200);
      await until(() => seen.length >= 200, '200 events');
      assert.deepEqual(seen.flat(), Array.from({ length: 200 }, (_, i) => i));
    });
  }
}

for (const mode of MODES) {
  test(`parser mirror, ${mode}: binary values in both directions`, async () => {
    const socket = await connectAs(servers.mirror, mode, { parser: mirror });
    const values = [randomBytes(1000), { deep: [Buffer.from([1]), 'text', Buffer.alloc(0)] }, randomBytes(3)];
    const echoed = once(socket, 'echo');
    assert.deepEqual(await answers(socket, 'echo', ...values), values);
    assert.deepEqual(await echoed, values);
    const given = once(socket, 'binary');
    socket.emit('give-binary');
    const [all, nested] = await given;
    assert.equal(all.length, 256);
    assert.deepEqual(nested.list[1].deep, Buffer.from([4, 5]));
  });
}

test('parser object: what a packet looks like, and that faults end the session', async () => {
  const server = servers.object;
  for (const fault of ['{', '[]', '{"nsp":"/"}', '{"type":9,"nsp":"/"}', '{"type":2,"nsp":"/","data":{}}', '42["message",1]']) {
    const raw = await RawWebSocket.open(server);
    raw.send('4' + JSON.stringify({ type: 0, nsp: '/', data: { who: 'raw' } }));
    const joined = JSON.parse((await raw.next()).slice(1));
    assert.deepEqual([joined.type, joined.nsp, Object.keys(joined.data)], [0, '/', ['sid']]);
    assert.deepEqual(JSON.parse((await raw.next()).slice(1)), { type: 2, nsp: '/', data: ['auth', { who: 'raw' }] });
    raw.send('4' + JSON.stringify({ type: 2, nsp: '/', id: 7, data: ['message-with-ack', 1] }));
    assert.deepEqual(JSON.parse((await raw.next()).slice(1)), { type: 3, nsp: '/', id: 7, data: [1] });
    raw.send('4' + fault);
    await raw.end();
    const reason = await server.reasonOf(joined.data.sid);
    assert.ok(VIOLATION_REASONS.includes(reason), reason);
  }
});

test('parser object: a client with another parser does not get in', async () => {
  const socket = client(servers.object, 'websocket');
  await once(socket.io, 'close');
  assert.equal(socket.connected, false);
});
