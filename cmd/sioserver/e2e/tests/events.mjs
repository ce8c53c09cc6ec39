// Events both ways: arguments, order, names, and what happens to them around an upgrade.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { MODES, client, connect, connected, marker, settled, upgraded } from '../suite/client.mjs';
import { profile } from '../suite/profile.mjs';
import { startServer } from '../suite/server.mjs';
import { gather, once, times } from '../suite/wait.mjs';

let server;
before(async () => (server = await startServer()));
after(() => server.stop());

const ARGUMENTS = {
  'no arguments': [],
  'null': [null],
  'falsy values': [false, 0, '', null],
  'numbers': [1, -1, 1.5, 1e-7, 123456789012, Number.MAX_SAFE_INTEGER],
  'nested values': [{ a: [1, { b: [[], {}] }], c: { d: { e: 'f' } } }, [[['deep']]]],
  'text beyond ASCII': ['てすと', 'Я Б Г Д Ж Й', 'Ä ä Ü ü ß', 'utf8 — string', '😀👩‍👩‍👧', '\u2028\u2029'],
  'escapes': ['"\\/\b\f\n\r\t\u0000\u001e', { 'key "quoted"\n': '\u001e' }],
  'names of object members': [{ constructor: 1, toString: 'x', ['__proto__']: 1 }],
  'many arguments': Array.from({ length: 100 }, (_, i) => ({ i })),
  'an object like a placeholder, in an event without attachments': [{ _placeholder: true, num: 0 }],
};

for (const mode of MODES) {
  test(`events, ${mode}: the connection settles on its transport`, async () => {
    const socket = await connect(server, mode);
    assert.equal(socket.io.engine.transport.name, settled(mode));
    assert.equal(await socket.emitWithAck('transport'), settled(mode));
    await server.saw({ event: 'connect', nsp: '/', sid: socket.id });
  });

  for (const [name, args] of Object.entries(ARGUMENTS)) {
    test(`events, ${mode}: arguments come back unchanged: ${name}`, async () => {
      const socket = await connect(server, mode);
      const echoed = once(socket, 'echo');
      socket.emit('echo', ...args);
      assert.deepEqual(await echoed, args);
    });
  }

  test(`events, ${mode}: object keys keep their order`, async () => {
    const socket = await connect(server, mode);
    const text = '{"z":1,"a":{"y":2,"b":3},"m":[{"d":4,"c":5}]}';
    const echoed = once(socket, 'echo');
    socket.emit('echo', JSON.parse(text));
    assert.equal(JSON.stringify((await echoed)[0]), text);
  });

  test(`events, ${mode}: a burst keeps its order both ways`, async () => {
    const socket = await connect(server, mode);
    const n = profile.burst;
    const numbers = Array.from({ length: n }, (_, i) => [i]);
    const back = times(socket, 'message-back', n);
    for (const [i] of numbers) socket.emit('message', i);
    assert.deepEqual(await back, numbers);

    const sequence = times(socket, 'seq', n);
    socket.emit('sequence', n);
    assert.deepEqual(await sequence, numbers);
  });

  test(`events, ${mode}: an event nobody listens to harms nothing`, async () => {
    const socket = await connect(server, mode);
    for (const name of ['nobody-listens', 'error', 'connection', 'ping', 'constructor', '__proto__', 'a b', 'é']) {
      socket.emit(name, 1);
    }
    await marker(socket);
    assert.equal(socket.connected, true);
  });

  test(`events, ${mode}: what is emitted before the connection goes out with it`, async () => {
    const socket = client(server, mode);
    const back = times(socket, 'message-back', 3);
    for (const n of [1, 2, 3]) socket.emit('message', n);
    assert.deepEqual(await back, [[1], [2], [3]]);
  });

  test(`events, ${mode}: the first event of the server is the first to arrive`, async () => {
    const socket = client(server, mode, { auth: { from: mode } });
    const all = [];
    socket.onAny((...event) => all.push(event));
    await connected(socket);
    await marker(socket);
    assert.deepEqual(all, [['auth', { from: mode }]]);
  });
}

test('events, upgrade: nothing is lost, doubled or reordered while the transport changes', async () => {
  const socket = client(server, 'upgrade');
  const back = gather(socket, 'message-back');
  await connected(socket);
  let next = 0;
  let moved = false;
  const done = upgraded(socket).then(() => (moved = true));
  // Keep the line busy in both directions until the switch is over, one turn of the event loop at a time.
  while (!moved) {
    socket.emit('message', next++);
    await new Promise(setImmediate);
  }
  await done;
  for (let i = 0; i < 100; i++) socket.emit('message', next++);
  await marker(socket);
  assert.deepEqual(back.map(([n]) => n), Array.from({ length: next }, (_, i) => i));
  assert.equal(socket.io.engine.transport.name, 'websocket');
});
