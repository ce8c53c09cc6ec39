// The official Engine.IO 3 client, without a Socket.IO client above it.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, test } from 'node:test';
import Socket from 'engine.io-client-3';
import { MODES, settled } from '../suite/client.mjs';
import { engineClients } from '../suite/engine.mjs';
import { startServer } from '../suite/server.mjs';
import { gather, once, times } from '../suite/wait.mjs';

const LIMIT = 10_000;

let server;
before(async () => {
  server = await startServer({ eio3: true, maxPayload: LIMIT, pingInterval: 300, pingTimeout: 10_000 });
});
after(() => server.stop());

const client = engineClients(Socket, '/socket.io');
const start = (mode, options) => client(server, mode, options);

// Opens a session. The server joins it to the main namespace by itself, and greets.
async function open(mode, options) {
  const socket = start(mode, options);
  const greeting = times(socket, 'message', 2);
  await Promise.all([once(socket, 'open'), mode === 'upgrade' && once(socket, 'upgrade')]);
  assert.deepEqual(await greeting, [['0'], ['2["auth",{}]']]);
  return socket;
}

for (const mode of MODES) {
  test(`engine 3, ${mode}: the handshake`, async () => {
    const socket = start(mode);
    const [data] = await once(socket, 'handshake');
    assert.match(data.sid, /^[\w-]{20}$/);
    assert.deepEqual([data.pingInterval, data.pingTimeout], [300, 10_000]);
    assert.deepEqual(data.upgrades, mode === 'websocket' ? [] : ['websocket']);
    if (mode === 'upgrade') await once(socket, 'upgrade');
    assert.equal(socket.transport.name, settled(mode));
    await server.saw({ event: 'connect', nsp: '/', sid: data.sid });
  });

  for (const forceBase64 of [false, true]) {
    test(`engine 3, ${mode}: text and binary messages, forceBase64 ${forceBase64}`, async () => {
      const socket = await open(mode, { forceBase64 });
      const bytes = randomBytes(100);
      const back = times(socket, 'message', 4);
      // The lengths of payloads count UTF-16 code units: one, one, two.
      socket.send('2["message","té😀xt"]');
      socket.send('51-["message",{"_placeholder":true,"num":0}]');
      socket.send(bytes);
      socket.send('2["message","after"]');
      assert.deepEqual(await back, [
        ['2["message-back","té😀xt"]'],
        ['51-["message-back",{"_placeholder":true,"num":0}]'],
        [bytes],
        ['2["message-back","after"]'],
      ]);
    });
  }

  test(`engine 3, ${mode}: the client pings and is answered`, async () => {
    const socket = await open(mode);
    await times(socket, 'pong', 3);
    assert.equal(socket.readyState, 'open');
  });

  test(`engine 3, ${mode}: a message over the limit`, async () => {
    const socket = await open(mode);
    const closed = once(socket, 'close');
    socket.send('2' + 'x'.repeat(LIMIT));
    assert.equal((await closed)[0], settled(mode) === 'websocket' ? 'transport close' : 'transport error');
  });

  test(`engine 3, ${mode}: closed by the client`, async () => {
    const socket = await open(mode);
    const { id } = socket;
    const closed = once(socket, 'close');
    socket.close();
    assert.equal((await closed)[0], 'forced close');
    assert.equal(await server.reasonOf(id), 'transport close');
  });

  test(`engine 3, ${mode}: closed by the server`, async () => {
    const socket = await open(mode);
    const closed = once(socket, 'close');
    const messages = gather(socket, 'message');
    socket.send('2["kick",true]');
    assert.equal((await closed)[0], 'transport close');
    assert.deepEqual(messages, [['1']]);
  });

  test(`engine 3, ${mode}: a burst in both directions around the opening`, async () => {
    const socket = start(mode);
    const all = times(socket, 'message', 302);
    for (let i = 0; i < 300; i++) socket.send(`2["message",${i}]`);
    const texts = (await all).map(([message]) => message);
    assert.deepEqual(texts.slice(2), Array.from({ length: 300 }, (_, i) => `2["message-back",${i}]`));
  });

  test(`engine 3, ${mode}: query and headers reach the handshake`, async () => {
    const socket = await open(mode, { query: { a: 'b c' }, extraHeaders: { 'x-engine': 'yes' } });
    const answer = once(socket, 'message');
    socket.send('20["handshake"]');
    const [{ query, headers }] = JSON.parse((await answer)[0].slice('30'.length));
    assert.deepEqual([query.a, query.EIO], ['b c', '3']);
    assert.equal(headers['x-engine'], 'yes');
  });
}

// The client waits with its end until the upgrade is over; what it sent before still goes out.
test('engine 3, upgrade: closed by the client in the midst of it', async () => {
  const socket = start('upgrade');
  let upgraded = false;
  socket.once('upgrade', () => (upgraded = true));
  const upgrading = once(socket, 'upgrading');
  await once(socket, 'open');
  await upgrading;
  const closed = once(socket, 'close');
  socket.send('2["note","last words of 3"]');
  socket.close();
  socket.send('2["note","too late of 3"]');
  assert.deepEqual((await closed)[0], 'forced close');
  assert.equal(upgraded, true);
  const { sid } = await server.saw({ event: 'note', args: ['last words of 3'] });
  assert.equal(await server.reasonOf(sid), 'transport close');
  assert.deepEqual(server.lines({ event: 'note', args: ['too late of 3'] }), []);
});
