// Binary both ways: every kind of view, nested, several attachments, mixed with text, in answers.

import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { after, before, test } from 'node:test';
import { MODES, client, connect, connected, marker, upgraded } from '../suite/client.mjs';
import { startServer } from '../suite/server.mjs';
import { gather, once } from '../suite/wait.mjs';

let server;
before(async () => (server = await startServer()));
after(() => server.stop());

const digest = (bytes) => ({ bytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') });
const everyByte = Buffer.from(Array.from({ length: 256 }, (_, i) => i));

const SHAPES = {
  'one buffer': () => [Buffer.from([1, 2, 3])],
  'every byte value': () => [everyByte],
  'no bytes at all': () => [Buffer.alloc(0)],
  'text around a buffer': () => ['before', Buffer.from('mid'), 'after', 4],
  'nested in objects and lists': () => [{ a: { b: [Buffer.from([1]), { c: Buffer.from([2, 3]) }] }, d: 'text' }, [Buffer.from([4])]],
  'ten attachments': () => Array.from({ length: 10 }, (_, i) => randomBytes(i * 7)),
  'the same bytes twice': () => [Buffer.from('same'), Buffer.from('same')],
  'text that looks like a packet': () => ['451-["x"]', Buffer.from('42["y"]'), '\u001eb4'],
};

for (const mode of MODES) {
  for (const [name, make] of Object.entries(SHAPES)) {
    test(`binary, ${mode}: what is sent comes back: ${name}`, async () => {
      const socket = await connect(server, mode);
      const args = make();
      const echoed = once(socket, 'echo');
      socket.emit('echo', ...args);
      assert.deepEqual(await echoed, args);
    });
  }

  test(`binary, ${mode}: the server reads the bytes that were sent`, async () => {
    const socket = await connect(server, mode);
    const buffers = [everyByte, Buffer.alloc(0), randomBytes(1000), randomBytes(65_536), randomBytes(65_535)];
    assert.deepEqual(await socket.emitWithAck('digest', ...buffers), buffers.map(digest));
  });

  test(`binary, ${mode}: views send their own part of the memory`, async () => {
    const socket = await connect(server, mode);
    const memory = new Uint8Array(everyByte).buffer;
    const views = [
      new Uint8Array(memory, 3, 10),
      new Int32Array(memory, 4, 4),
      new Float64Array(memory, 16, 2),
      new DataView(memory, 5, 7),
      memory,
    ];
    const parts = [[3, 13], [4, 20], [16, 32], [5, 12], [0, 256]].map(([from, to]) => everyByte.subarray(from, to));
    assert.deepEqual(await socket.emitWithAck('digest', ...views), parts.map(digest));
  });

  test(`binary, ${mode}: the server's own nested binary`, async () => {
    const socket = await connect(server, mode);
    const given = once(socket, 'binary');
    socket.emit('give-binary');
    const nested = {
      text: 'mixed',
      list: [Buffer.from([1, 2, 3]), { deep: Buffer.from([4, 5]) }],
      empty: Buffer.alloc(0),
      n: 1,
    };
    assert.deepEqual(await given, [everyByte, nested, 7]);
  });

  test(`binary, ${mode}: answers with binary, from the server and from the client`, async () => {
    const socket = await connect(server, mode);
    const sent = { file: randomBytes(300), name: 'x' };
    assert.deepEqual(await socket.emitWithAck('message-with-ack', sent), sent);

    socket.on('question', (buffer, ack) => ack({ back: buffer }, Buffer.from('more')));
    const answer = once(socket, 'answer');
    socket.emit('ask', Buffer.from('ask'));
    assert.deepEqual(await answer, [{ back: Buffer.from('ask') }, Buffer.from('more')]);
  });

  test(`binary, ${mode}: text and binary events keep their order`, async () => {
    const socket = await connect(server, mode);
    const back = gather(socket, 'message-back');
    const sent = Array.from({ length: 60 }, (_, i) => [i % 3 ? i : Buffer.from([i])]);
    for (const args of sent) socket.emit('message', ...args);
    await marker(socket);
    assert.deepEqual(back, sent);
  });

  test(`binary, ${mode}: a room gets the binary of one member`, async () => {
    const room = `binary-${mode}`;
    const [a, b] = await Promise.all([connect(server, mode), connect(server, mode)]);
    await Promise.all([a.emitWithAck('join', room), b.emitWithAck('join', room)]);
    const both = [once(a, 'room'), once(b, 'room')];
    const image = { image: randomBytes(2000), parts: [randomBytes(3), randomBytes(4)] };
    a.emit('room', room, image);
    for (const got of await Promise.all(both)) assert.deepEqual(got, [room, image]);
  });
}

test('binary: a room over mixed transports', async () => {
  const room = 'binary-mixed';
  const clients = await Promise.all(MODES.map((mode) => connect(server, mode)));
  await Promise.all(clients.map((socket) => socket.emitWithAck('join', room)));
  const all = clients.map((socket) => once(socket, 'room'));
  const bytes = randomBytes(500);
  clients[0].emit('room', room, bytes, { bytes });
  for (const got of await Promise.all(all)) assert.deepEqual(got, [room, bytes, { bytes }]);
});

test('binary, upgrade: attachments stay with their packet while the transport changes', async () => {
  const socket = client(server, 'upgrade');
  const back = gather(socket, 'message-back');
  await connected(socket);
  const sent = [];
  let moved = false;
  const done = upgraded(socket).then(() => (moved = true));
  while (!moved) {
    const args = [sent.length, randomBytes(20), [randomBytes(5)]];
    sent.push(args);
    socket.emit('message', ...args);
    await new Promise(setImmediate);
  }
  await done;
  await marker(socket);
  assert.deepEqual(back, sent);
});

test('binary: forceBase64 over both transports', async () => {
  for (const mode of ['polling', 'websocket']) {
    const socket = await connect(server, mode, { forceBase64: true });
    const bytes = [everyByte, randomBytes(10), randomBytes(11)];
    assert.deepEqual(await socket.emitWithAck('digest', ...bytes), bytes.map(digest));
    const echoed = once(socket, 'echo');
    socket.emit('echo', ...bytes);
    assert.deepEqual(await echoed, bytes);
  }
});
