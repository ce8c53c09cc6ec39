// Acknowledgements both ways, timeouts on either side, late and missing answers.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { MODES, answers, connect, marker } from '../suite/client.mjs';
import { startServer } from '../suite/server.mjs';
import { gather, once, until } from '../suite/wait.mjs';

const SHORT_MS = 60;
const LONG_MS = 8000;

let server;
before(async () => (server = await startServer()));
after(() => server.stop());

for (const mode of MODES) {
  test(`acks, ${mode}: the server answers a callback with any arguments`, async () => {
    const socket = await connect(server, mode);
    for (const args of [[], [1], [null], ['a', { b: [1, 2] }, false], [[1, 2, 3]]]) {
      assert.deepEqual(await answers(socket, 'message-with-ack', ...args), args);
    }
  });

  test(`acks, ${mode}: answers find their own questions`, async () => {
    const socket = await connect(server, mode);
    const numbers = Array.from({ length: 300 }, (_, i) => i);
    const got = await Promise.all(numbers.map((n) => socket.emitWithAck('message-with-ack', n)));
    assert.deepEqual(got, numbers);
  });

  test(`acks, ${mode}: answers may come out of order`, async () => {
    const socket = await connect(server, mode);
    const order = [];
    const first = socket.emitWithAck('hold', `${socket.id}-first`).then((v) => order.push(v));
    const second = socket.emitWithAck('hold', `${socket.id}-second`).then((v) => order.push(v));
    socket.emit('release', `${socket.id}-second`, 'second');
    socket.emit('release', `${socket.id}-first`, 'first');
    await Promise.all([first, second]);
    assert.deepEqual(order, ['second', 'first']);
  });

  test(`acks, ${mode}: an event with and one without a callback`, async () => {
    const socket = await connect(server, mode);
    const echoes = gather(socket, 'echo');
    socket.emit('echo', 'without');
    assert.equal(await socket.emitWithAck('echo', 'with'), 'with');
    await marker(socket);
    assert.deepEqual(echoes, [['without'], ['with']]);
  });

  test(`acks, ${mode}: the client answers a question of the server`, async () => {
    const socket = await connect(server, mode);
    socket.on('question', (a, b, ack) => ack(b, a, { ok: true }));
    const answer = once(socket, 'answer');
    socket.emit('ask', 'one', 2);
    assert.deepEqual(await answer, [2, 'one', { ok: true }]);
  });

  test(`acks, ${mode}: many questions of the server at once`, async () => {
    const socket = await connect(server, mode);
    socket.on('question', (n, ack) => ack(n * 2));
    const got = gather(socket, 'answer');
    for (let n = 0; n < 100; n++) socket.emit('ask', n);
    await marker(socket);
    // The answers travel back after the questions: one more round trip is behind all of them.
    await marker(socket);
    assert.deepEqual(got.map(([n]) => n), Array.from({ length: 100 }, (_, n) => n * 2));
  });

  test(`acks, ${mode}: the client's timeout fires when the server does not answer`, async () => {
    const socket = await connect(server, mode);
    await assert.rejects(socket.timeout(SHORT_MS).emitWithAck('sink', 1), /operation has timed out/);
    assert.equal(await socket.timeout(LONG_MS).emitWithAck('message-with-ack', 'in time'), 'in time');
  });

  test(`acks, ${mode}: an answer after the client's timeout is passed over`, async () => {
    const socket = await connect(server, mode);
    const key = `${socket.id}-late`;
    const calls = [];
    socket.timeout(SHORT_MS).emit('hold', key, (error) => calls.push(error));
    await until(() => calls.length > 0, 'timeout');
    assert.match(calls[0].message, /operation has timed out/);
    socket.emit('release', key, 'late');
    await marker(socket);
    assert.equal(calls.length, 1);
  });

  test(`acks, ${mode}: the server's timeout fires when the client does not answer`, async () => {
    const socket = await connect(server, mode);
    const question = once(socket, 'question');
    const outcome = once(socket, 'answer-timeout');
    socket.emit('ask-timeout', SHORT_MS, 'anyone?');
    const [text, lateAck] = await question;
    assert.equal(text, 'anyone?');
    assert.deepEqual(await outcome, ['operation has timed out']);

    const more = gather(socket, 'answer-timeout');
    lateAck('too late');
    await marker(socket);
    assert.deepEqual(more, []);
  });

  test(`acks, ${mode}: an answer within the server's timeout`, async () => {
    const socket = await connect(server, mode);
    socket.on('question', (text, ack) => ack(text.toUpperCase()));
    const outcome = once(socket, 'answer-timeout');
    socket.emit('ask-timeout', LONG_MS, 'hello');
    assert.deepEqual(await outcome, [null, 'HELLO']);
  });

  test(`acks, ${mode}: a question to everybody collects the answers`, async () => {
    const nsp = `/dyn-${MODES.indexOf(mode)}`;
    const clients = await Promise.all([1, 2, 3].map(() => connect(server, mode, { nsp })));
    clients.forEach((socket, i) => socket.on('question', (text, ack) => ack(`${text} ${i}`)));
    const [error, all] = await answers(clients[0], 'ask-all', LONG_MS, 'hi');
    assert.equal(error, null);
    assert.deepEqual(all.sort(), ['hi 0', 'hi 1', 'hi 2']);

    clients[2].off('question');
    const [late, partial] = await answers(clients[0], 'ask-all', SHORT_MS * 3, 'again');
    assert.equal(late, 'operation has timed out');
    assert.deepEqual(partial.sort(), ['again 0', 'again 1']);
  });
}

for (const mode of MODES) {
  test(`acks, ${mode}: a client that retries sends in order, each event once if it is answered`, async () => {
    const socket = await connect(server, mode, { retries: 3, ackTimeout: LONG_MS });
    const seen = gather(socket, 'echo');
    const got = [];
    await Promise.all([1, 2, 3].map((n) => socket.emitWithAck('echo', n).then((v) => got.push(v))));
    await marker(socket);
    assert.deepEqual(got, [1, 2, 3]);
    assert.deepEqual(seen, [[1], [2], [3]]);
  });

  test(`acks, ${mode}: a client that retries sends again what is not answered, and gives up`, async () => {
    const socket = await connect(server, mode, { retries: 3, ackTimeout: SHORT_MS });
    const word = `${socket.id} again`;
    await assert.rejects(socket.emitWithAck('note', word), /operation has timed out/);
    await server.sawTimes(4, { event: 'note', args: [word] });
    assert.equal(await socket.emitWithAck('message-with-ack', 'next'), 'next');
    assert.equal(server.lines({ event: 'note', args: [word] }).length, 4);
  });
}

test('acks: a pending answer fails when the connection ends', async () => {
  const socket = await connect(server, 'websocket');
  const answer = socket.timeout(LONG_MS).emitWithAck('sink', 1);
  socket.emit('kick', true);
  await assert.rejects(answer, /socket has been disconnected/);
});
