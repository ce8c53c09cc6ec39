// The official Engine.IO client, without the Socket.IO client above it.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, test } from 'node:test';
import { Fetch, NodeWebSocket, NodeXHR, Socket } from 'engine.io-client';
import { MODES, settled } from '../suite/client.mjs';
import { engineClients } from '../suite/engine.mjs';
import { startServer } from '../suite/server.mjs';
import { gather, once, times } from '../suite/wait.mjs';

const LIMIT = 10_000;

let server;
before(async () => (server = await startServer({ maxPayload: LIMIT, pingInterval: 500, pingTimeout: 10_000 })));
after(() => server.stop());

const client = engineClients(Socket, '/socket.io/');
const start = (mode, options) => client(server, mode, options);

async function open(mode, options) {
  const socket = start(mode, options);
  const upgrade = mode === 'upgrade' && once(socket, 'upgrade');
  await Promise.all([once(socket, 'open'), upgrade]);
  return socket;
}

// Joins the main namespace by hand; what follows are plain messages, whose text the test application answers.
async function joined(socket) {
  const two = times(socket, 'message', 2);
  socket.send('0');
  const [[connect], [auth]] = await two;
  assert.match(connect, /^0\{"sid":"[\w-]{20}"\}$/);
  assert.equal(auth, '2["auth",{}]');
  return socket;
}

for (const mode of MODES) {
  test(`engine, ${mode}: the handshake`, async () => {
    const socket = start(mode);
    const [data] = await once(socket, 'handshake');
    assert.match(data.sid, /^[\w-]{20}$/);
    assert.equal(data.pingInterval, 500);
    assert.equal(data.pingTimeout, 10_000);
    assert.equal(data.maxPayload, LIMIT);
    assert.deepEqual(data.upgrades, mode === 'websocket' ? [] : ['websocket']);
    if (mode === 'upgrade') await once(socket, 'upgrade');
    assert.equal(socket.transport.name, settled(mode));
    assert.equal(socket.id, data.sid);
  });

  test(`engine, ${mode}: text and binary messages`, async () => {
    const socket = await joined(await open(mode, { binaryType: 'nodebuffer' }));
    const bytes = randomBytes(100);
    const back = times(socket, 'message', 3);
    socket.send('2["message","té😀xt"]');
    socket.send('51-["message",{"_placeholder":true,"num":0}]');
    socket.send(bytes);
    assert.deepEqual(await back, [
      ['2["message-back","té😀xt"]'],
      ['51-["message-back",{"_placeholder":true,"num":0}]'],
      [bytes],
    ]);
  });

  test(`engine, ${mode}: pings are heard and answered`, async () => {
    const socket = await open(mode);
    await times(socket, 'ping', 3);
    assert.equal(socket.readyState, 'open');
  });

  test(`engine, ${mode}: more than a payload at once is cut to the announced size`, async () => {
    const socket = await joined(await open(mode));
    const texts = Array.from({ length: 12 }, (_, i) => `${i}`.padEnd(3000, 'x'));
    const back = times(socket, 'message', texts.length);
    for (const text of texts) socket.send(`2["message","${text}"]`);
    assert.deepEqual((await back).map(([message]) => message), texts.map((text) => `2["message-back","${text}"]`));
  });

  test(`engine, ${mode}: a message over the limit`, async () => {
    const socket = await joined(await open(mode));
    const closed = once(socket, 'close');
    socket.send('2' + 'x'.repeat(LIMIT));
    const [reason, details] = await closed;
    if (settled(mode) === 'websocket') {
      assert.equal(reason, 'transport close');
      assert.equal(details.context.code, 1009);
    } else {
      assert.equal(reason, 'transport error');
      assert.equal(details.description, 413);
    }
  });

  test(`engine, ${mode}: the drain event comes, callbacks run in order`, async () => {
    const socket = await joined(await open(mode));
    const order = [];
    const drained = once(socket, 'drain');
    for (const n of [1, 2, 3]) socket.send(`2["message",${n}]`, () => order.push(n));
    await times(socket, 'message', 3);
    await drained;
    assert.deepEqual(order, [1, 2, 3]);
  });

  test(`engine, ${mode}: closed by the client`, async () => {
    const socket = await open(mode);
    const closed = once(socket, 'close');
    socket.close();
    assert.equal((await closed)[0], 'forced close');
  });

  test(`engine, ${mode}: closed by the server`, async () => {
    const socket = await joined(await open(mode));
    const closed = once(socket, 'close');
    const messages = gather(socket, 'message');
    socket.send('2["kick",true]');
    assert.equal((await closed)[0], 'transport close');
    assert.deepEqual(messages, [['1']]);
  });

  test(`engine, ${mode}: a burst in both directions around the opening`, async () => {
    const socket = start(mode);
    await joined(socket);
    const back = times(socket, 'message', 300);
    for (let i = 0; i < 300; i++) socket.send(`2["message",${i}]`);
    assert.deepEqual((await back).map(([m]) => m), Array.from({ length: 300 }, (_, i) => `2["message-back",${i}]`));
  });
}

for (const [name, transports] of Object.entries({ fetch: [Fetch], XHR: [NodeXHR], ws: [NodeWebSocket] })) {
  test(`engine: the ${name} transport on its own`, async () => {
    const socket = await joined(await open(undefined, { transports }));
    const back = once(socket, 'message');
    socket.send('2["message",1]');
    assert.deepEqual(await back, ['2["message-back",1]']);
    await once(socket, 'ping');
  });
}

// The client waits with its end until the upgrade is over; what it sent before still goes out.
test('engine, upgrade: closed by the client in the midst of it', async () => {
  const socket = start('upgrade');
  let upgraded = false;
  socket.once('upgrade', () => (upgraded = true));
  const upgrading = once(socket, 'upgrading');
  await once(socket, 'open');
  socket.send('0');
  await upgrading;
  const closed = once(socket, 'close');
  socket.send('2["note","last words of 4"]');
  socket.close();
  socket.send('2["note","too late of 4"]');
  assert.deepEqual((await closed)[0], 'forced close');
  assert.equal(upgraded, true);
  const { sid } = await server.saw({ event: 'note', args: ['last words of 4'] });
  assert.equal(await server.reasonOf(sid), 'transport close');
  assert.deepEqual(server.lines({ event: 'note', args: ['too late of 4'] }), []);
});

// The first websocket that works is remembered for the process.
test('engine: the next session begins where the last one has upgraded to', async () => {
  const first = await open('upgrade');
  first.close();
  const second = start('upgrade', { rememberUpgrade: true });
  const [{ upgrades }] = await once(second, 'handshake');
  assert.deepEqual([second.transport.name, upgrades], ['websocket', []]);
  await joined(second);
});

for (const mode of ['polling', 'websocket']) {
  test(`engine, ${mode}: a session nobody knows`, async () => {
    const socket = start(mode, { query: { sid: 'abc' } });
    // The body is read at once: the request is given up behind the event.
    let body;
    socket.once('close', (_, { context }) => (body = context?.responseText));
    const [reason, details] = await once(socket, 'close');
    assert.equal(reason, 'transport error');
    if (mode === 'polling') {
      assert.equal(details.description, 400);
      assert.equal(body, '{"code":1,"message":"Session ID unknown"}');
    } else {
      assert.match(details.description.message, /Unexpected server response: 400/);
    }
  });
}

test('engine: a custom header and query reach the handshake', async () => {
  const socket = await joined(await open('polling', { query: { a: 'b c' }, extraHeaders: { 'x-engine': 'yes' } }));
  const answer = once(socket, 'message');
  socket.send('20["handshake"]');
  const [{ query, headers }] = JSON.parse((await answer)[0].slice('30'.length));
  assert.equal(query.a, 'b c');
  assert.equal(headers['x-engine'], 'yes');
});
