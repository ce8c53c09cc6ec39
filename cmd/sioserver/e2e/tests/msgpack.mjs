// The MessagePack parser on both sides, over the three transports: values, answers, rooms, refusals, and bytes by hand.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, afterEach, before, test } from 'node:test';
import msgpack from 'notepack.io';
import * as parser from 'socket.io-msgpack-parser';
import { MODES, answers, client, connect as connectAs, connected, marker, share } from '../suite/client.mjs';
import { VIOLATION_REASONS } from '../suite/profile.mjs';
import { RawWebSocket, endWebSockets } from '../suite/raw.mjs';
import { startServer } from '../suite/server.mjs';
import { gather, once, until } from '../suite/wait.mjs';

let server;
before(async () => (server = await startServer({ parser: 'msgpack' })));
after(() => server.stop());
afterEach(endWebSockets);

const connect = (mode, options) => connectAs(server, mode, { parser, ...options });

const SHAPES = {
  'numbers of every width': () => [0, 127, 128, 255, 256, 65_535, 65_536, 2 ** 32, 2 ** 53 - 1, 1.5, -0.1, 1.5e-300],
  'numbers below zero': () => [-1, -32, -33, -128, -129, -32_768, -32_769, -(2 ** 31), -(2 ** 31) - 1, -(2 ** 53) + 1],
  'strings of every length': () => ['', 'é😀', ...[31, 32, 255, 256, 65_535, 65_536].map((n) => 'x'.repeat(n))],
  'lists and objects of every size': () => [
    [],
    {},
    ...[15, 16, 300].map((n) => Array.from({ length: n }, (_, i) => i)),
    ...[15, 16, 300].map((n) => Object.fromEntries(Array.from({ length: n }, (_, i) => [`k${i}`, i]))),
    { nested: [{ deep: [[null, true, false]] }] },
  ],
  'binary of every size': () => [0, 1, 255, 256, 65_535, 65_536].map((n) => randomBytes(n)),
  'binary nested beside text': () => [{ a: [Buffer.from([1]), { b: Buffer.from([2, 3]) }] }, 'x', [Buffer.alloc(0)]],
  'more binary values than the other parser takes': () => Array.from({ length: 20 }, (_, i) => Buffer.from([i])),
  'a date': () => [new Date(1_700_000_000_123)],
  'keys out of order': () => [{ z: 1, a: 2, 10: 3, 9: 4 }],
};

for (const mode of MODES) {
  for (const [name, make] of Object.entries(SHAPES)) {
    test(`msgpack, ${mode}: what is sent comes back: ${name}`, async () => {
      const socket = await connect(mode);
      const args = make();
      const echoed = once(socket, 'echo');
      assert.deepEqual(await answers(socket, 'echo', ...args), args);
      assert.deepEqual(await echoed, args);
    });
  }

  test(`msgpack, ${mode}: events keep their order, and those before the connection go out with it`, async () => {
    const socket = client(server, mode, { parser });
    const back = gather(socket, 'message-back');
    const sent = Array.from({ length: 50 }, (_, i) => [i % 3 ? i : Buffer.from([i])]);
    for (const args of sent) socket.emit('message', ...args);
    await connected(socket);
    await marker(socket);
    assert.deepEqual(back, sent);
  });

  test(`msgpack, ${mode}: the server's own values`, async () => {
    const socket = await connect(mode);
    const given = once(socket, 'binary');
    socket.emit('give-binary');
    const list = [Buffer.from([1, 2, 3]), { deep: Buffer.from([4, 5]) }];
    const all = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
    assert.deepEqual(await given, [all, { text: 'mixed', list, empty: Buffer.alloc(0), n: 1 }, 7]);
    assert.deepEqual((await socket.emitWithAck('digest', Buffer.from('abc')))[0].bytes, 3);
  });

  test(`msgpack, ${mode}: the client answers, in time and too late`, async () => {
    const socket = await connect(mode);
    socket.once('question', (buffer, ack) => ack({ back: buffer }, 'more'));
    const answer = once(socket, 'answer');
    socket.emit('ask', Buffer.from('ask'));
    assert.deepEqual(await answer, [{ back: Buffer.from('ask') }, 'more']);
    let late;
    socket.once('question', (ack) => (late = ack));
    const timeout = once(socket, 'answer-timeout');
    socket.emit('ask-timeout', 50);
    assert.deepEqual(await timeout, ['operation has timed out']);
    late('too late');
    await marker(socket);
  });

  test(`msgpack, ${mode}: auth, namespaces and their walls`, async () => {
    const root = await connect(mode, { auth: { who: mode, n: 1, bytes: 'é' } });
    assert.deepEqual((await root.emitWithAck('handshake')).auth, { who: mode, n: 1, bytes: 'é' });
    const custom = share(root, '/custom', { auth: { for: 'custom' } });
    const auth = once(custom, 'auth');
    await connected(custom);
    assert.deepEqual(await auth, [{ for: 'custom' }]);
    const strays = gather(root, 'echo');
    assert.equal(await custom.emitWithAck('echo', 'custom'), 'custom');
    custom.disconnect();
    await marker(root);
    assert.deepEqual(strays, []);
  });

  test(`msgpack, ${mode}: refusals with and without data`, async () => {
    const root = await connect(mode);
    const said = async (nsp) => {
      const [{ message, data }] = await once(share(root, nsp), 'connect_error');
      return { message, data };
    };
    assert.deepEqual(await said('/guarded'), { message: 'Not authorized', data: { code: 401, hint: 'token' } });
    assert.deepEqual(await said('/refuse'), { message: 'Refused', data: undefined });
    assert.deepEqual(await said('/nowhere'), { message: 'Invalid namespace', data: undefined });
    await marker(root);
  });

  test(`msgpack, ${mode}: the server ends the socket, the connection`, async () => {
    for (const close of [false, true]) {
      const socket = await connect(mode);
      const { id } = socket;
      const left = once(socket, 'disconnect');
      socket.emit('kick', close);
      assert.equal((await left)[0], 'io server disconnect');
      assert.equal(await server.reasonOf(id), 'server namespace disconnect');
    }
  });
}

test('msgpack: a room over mixed transports, text and binary', async () => {
  const clients = await Promise.all(MODES.map((mode) => connect(mode, { nsp: '/dyn-1' })));
  await Promise.all(clients.map((socket) => socket.emitWithAck('join', 'mixed')));
  const heard = clients.map((socket) => gather(socket, 'room'));
  const ends = clients.map((socket) => gather(socket, 'bcast'));
  const bytes = randomBytes(3000);
  clients[0].emit('room', 'mixed', 'text', { n: 1 });
  clients[0].emit('room', 'mixed', bytes, { bytes });
  clients[0].emit('room-others', 'mixed', 'others');
  clients[0].emit('bcast', 'end');
  await until(() => ends.every((list) => list.length === 1), 'end at all');
  const both = [['mixed', 'text', { n: 1 }], ['mixed', bytes, { bytes }]];
  assert.deepEqual(heard, [both, [...both, ['mixed', 'others']], [...both, ['mixed', 'others']]]);
});

test('msgpack: broadcasts are answered by all, or by some in time', async () => {
  const clients = await Promise.all(MODES.map((mode) => connect(mode, { nsp: '/dyn-2' })));
  for (const [i, socket] of clients.entries()) socket.on('question', (x, ack) => ack(i ? `${x}${i}` : Buffer.from(x)));
  const [err, list] = await answers(clients[0], 'ask-all', 10_000, 'q');
  assert.equal(err, null);
  assert.deepEqual(list.map(String).sort(), ['q', 'q1', 'q2']);
  clients[1].off('question');
  const [late, some] = await answers(clients[0], 'ask-all', 200, 'q');
  assert.equal(late, 'operation has timed out');
  assert.deepEqual(some.map(String).sort(), ['q', 'q2']);
});

test('msgpack: what a packet looks like on a websocket', async () => {
  const raw = await RawWebSocket.open(server);
  raw.send(msgpack.encode({ type: 0, nsp: '/', data: { who: 'raw' } }));
  const { sid } = msgpack.decode(await raw.next()).data;
  assert.deepEqual(msgpack.decode(await raw.next()), { type: 2, data: ['auth', { who: 'raw' }], nsp: '/' });
  await server.saw({ event: 'connect', nsp: '/', sid });
  raw.send(msgpack.encode({ type: 2, data: ['message-with-ack', 1], id: 7, nsp: '/', options: { compress: true } }));
  assert.deepEqual(msgpack.decode(await raw.next()), { type: 3, id: 7, data: [1], nsp: '/' });
  raw.send(msgpack.encode({ type: 0, nsp: '/nowhere' }));
  const refused = msgpack.decode(await raw.next());
  assert.deepEqual(refused, { type: 4, data: { message: 'Invalid namespace' }, nsp: '/nowhere' });
});

const REFUSED = {
  'the text of the other parser': '42["message",1]',
  'bytes that are no MessagePack': Buffer.from([0xc1]),
  'a packet cut short': msgpack.encode({ type: 2, data: ['message', 'xxxxxxxxxx'], nsp: '/' }).subarray(0, -5),
  'a list': msgpack.encode([2, '/', ['message', 1]]),
  'no type': msgpack.encode({ data: ['message', 1], nsp: '/' }),
  'an unknown type': msgpack.encode({ type: 7, data: ['message', 1], nsp: '/' }),
  'a type that is no number': msgpack.encode({ type: '2', data: ['message', 1], nsp: '/' }),
  'no namespace': msgpack.encode({ type: 2, data: ['message', 1] }),
  'a namespace that was not joined': msgpack.encode({ type: 2, data: ['message', 1], nsp: '/custom' }),
  'an object for the arguments': msgpack.encode({ type: 2, data: { 0: 'message' }, nsp: '/' }),
  'an ack id that is no integer': msgpack.encode({ type: 2, data: ['message', 1], id: 1.5, nsp: '/' }),
  'a second CONNECT': msgpack.encode({ type: 0, nsp: '/' }),
  'a refusal from the client': msgpack.encode({ type: 4, data: 'x', nsp: '/' }),
};

for (const [name, frame] of Object.entries(REFUSED)) {
  test(`msgpack: refused: ${name}`, async () => {
    const raw = await RawWebSocket.open(server);
    raw.send(msgpack.encode({ type: 0, nsp: '/' }));
    const { sid } = msgpack.decode(await raw.next()).data;
    await raw.next();
    raw.send(frame);
    await raw.end();
    const reason = await server.reasonOf(sid);
    assert.ok(VIOLATION_REASONS.includes(reason), reason);
  });
}
