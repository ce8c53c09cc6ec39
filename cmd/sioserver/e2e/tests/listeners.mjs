// Listeners for every event in both directions, and middlewares for packets.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { MODES, answers, connect, marker } from '../suite/client.mjs';
import { startServer } from '../suite/server.mjs';
import { gather, until } from '../suite/wait.mjs';

let server;
before(async () => (server = await startServer()));
after(() => server.stop());

// What the listeners have noted of a socket so far: the arguments with the name first, by who noted them.
async function noted(event, socket) {
  await server.upTo(socket);
  const all = server.lines({ event, sid: socket.id }).map(({ by, args }) => [by, ...args]);
  return all.filter(([, name]) => name !== 'note');
}

const twice = (...lists) => lists.flatMap((list) => [['prepended', ...list], ['appended', ...list]]);

for (const mode of MODES) {
  test(`listeners, ${mode}: every event that comes in, prepended listeners first`, async () => {
    const socket = await connect(server, mode, { nsp: '/watched' });
    const begun = (await noted('any', socket)).length;
    socket.emit('nobody listens to this', 1, { two: [null] });
    socket.emit('message', 'é');
    await marker(socket);
    assert.deepEqual(
      (await noted('any', socket)).slice(begun),
      twice(['nobody listens to this', 1, { two: [null] }], ['message', 'é'], ['message-with-ack', 'marker']),
    );
  });

  test(`listeners, ${mode}: every event that goes out, broadcasts among them, answers not`, async () => {
    const [socket, other] = await Promise.all([1, 2].map(() => connect(server, mode, { nsp: '/watched' })));
    await socket.emitWithAck('join', 'room');
    const begun = (await noted('any-outgoing', socket)).length;
    assert.ok(begun >= 2, 'the greeting was not noted');
    socket.emit('message', 1);
    await marker(socket);
    other.emit('room', 'room', 2);
    other.emit('room', 'elsewhere', 3);
    other.emit('op-emit', { from: 'socket' }, 4);
    await marker(other);
    await marker(socket);
    const expected = twice(['message-back', 1], ['room', 'room', 2], ['op', 4]);
    assert.deepEqual((await noted('any-outgoing', socket)).slice(begun), expected);
    assert.equal((await noted('any-outgoing', other)).some(([, name]) => name === 'op'), false);
  });

  test(`listeners, ${mode}: a question to the client, and what was emitted before the server let go`, async () => {
    const socket = await connect(server, mode, { nsp: '/watched' });
    socket.on('question', (ack) => ack('answer'));
    const back = gather(socket, 'answer');
    socket.emit('ask');
    await until(() => back.length === 1, 'the answer');
    await socket.emitWithAck('unwatch');
    const [comes, goes] = [await noted('any', socket), await noted('any-outgoing', socket)];
    assert.deepEqual(goes.slice(-4), twice(['question'], ['answer', 'answer']));
    assert.deepEqual(comes.at(-1), ['appended', 'unwatch']);
    socket.emit('message', 'unseen');
    await marker(socket);
    assert.deepEqual([await noted('any', socket), await noted('any-outgoing', socket)], [comes, goes]);
  });

  test(`packet middleware, ${mode}: all pass in order, each sees each packet`, async () => {
    const socket = await connect(server, mode, { nsp: '/packets' });
    const { length } = await socket.emitWithAck('trail');
    socket.emit('message', 1);
    socket.emit('nobody listens to this');
    assert.deepEqual((await socket.emitWithAck('trail')).slice(length), [
      'first message',
      'second message',
      'first nobody listens to this',
      'second nobody listens to this',
      'first trail',
      'second trail',
    ]);
  });

  test(`packet middleware, ${mode}: one refuses, the connection stays`, async () => {
    const socket = await connect(server, mode, { nsp: '/packets' });
    const { id } = socket;
    const { length } = await socket.emitWithAck('trail');
    const through = [];
    socket.emit('forbidden', (answer) => through.push(answer));
    await server.saw({ event: 'error', nsp: '/packets', sid: id, message: 'Not allowed' });
    assert.deepEqual((await socket.emitWithAck('trail')).slice(length), ['first forbidden', 'first trail', 'second trail']);
    assert.deepEqual(through, []);
    assert.equal(socket.connected, true);
  });

  test(`packet middleware, ${mode}: one changes the arguments`, async () => {
    const socket = await connect(server, mode, { nsp: '/packets' });
    assert.deepEqual(await answers(socket, 'change', 'original'), ['changed']);
  });

  test(`packet middleware, ${mode}: order of events is kept`, async () => {
    const socket = await connect(server, mode, { nsp: '/packets' });
    const back = gather(socket, 'message-back');
    const numbers = Array.from({ length: 100 }, (_, i) => [i]);
    for (const [n] of numbers) socket.emit('message', n);
    await marker(socket);
    assert.deepEqual(back, numbers);
  });
}
