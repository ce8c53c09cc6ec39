// Engine.IO protocol 4 by hand: the websocket transport and the upgrade to it.

import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { profile } from '../suite/profile.mjs';
import { Polling, RawWebSocket, endWebSockets, request } from '../suite/raw.mjs';
import { startServer } from '../suite/server.mjs';
import { once } from '../suite/wait.mjs';

const LIMIT = 50_000;

let server;
before(async () => (server = await startServer({ maxPayload: LIMIT })));
after(() => server.stop());
afterEach(endWebSockets);

test('websocket: text and binary there and back', async () => {
  const raw = await RawWebSocket.join(server);
  raw.send('42["message","é😀"]', '451-["message",{"_placeholder":true,"num":0}]', Buffer.from([1, 2, 3, 4]));
  assert.deepEqual(await raw.read(3), [
    '42["message-back","é😀"]',
    '451-["message-back",{"_placeholder":true,"num":0}]',
    Buffer.from([1, 2, 3, 4]),
  ]);
});

test('websocket: base64 text is binary too', async () => {
  const raw = await RawWebSocket.join(server);
  raw.send('451-["message",{"_placeholder":true,"num":0}]', 'bAQIDBA==');
  assert.deepEqual((await raw.read(2))[1], Buffer.from([1, 2, 3, 4]));
});

test('websocket: a message in fragments, with a ping between them', async () => {
  const raw = await RawWebSocket.join(server);
  const pong = once(raw.ws, 'pong');
  raw.ws.send('42["mess', { fin: false });
  raw.ws.send('age","in ', { fin: false });
  raw.ws.ping('between');
  raw.ws.send('pieces"]', { fin: true });
  assert.equal((await pong)[0].toString(), 'between');
  assert.equal(await raw.next(), '42["message-back","in pieces"]');
});

for (const frame of ['abc', '', '8', '9abc', ' 42["message",1]', '\u0000']) {
  test(`websocket: a malformed frame ends the session: ${JSON.stringify(frame)}`, async () => {
    const raw = await RawWebSocket.join(server);
    raw.send(frame);
    await raw.end();
    assert.equal(await server.reasonOf(raw.socketId), 'parse error');
  });
}

test('websocket: a message of exactly the limit, and one over it', async () => {
  const raw = await RawWebSocket.join(server);
  const text = 'x'.repeat(LIMIT - '42["message",""]'.length);
  raw.send(`42["message","${text}"]`);
  assert.equal(await raw.next(), `42["message-back","${text}"]`);
  raw.send(`42["message","${text}x"]`);
  assert.deepEqual(await raw.end(), { code: 1009, reason: '' });
  assert.equal(await server.reasonOf(raw.socketId), 'transport error');
});

test('websocket: a closing handshake', async () => {
  const raw = await RawWebSocket.join(server);
  raw.ws.close();
  await raw.end();
  assert.equal(await server.reasonOf(raw.socketId), 'transport close');
});

test('websocket: a dropped connection', async () => {
  const raw = await RawWebSocket.join(server);
  raw.ws.terminate();
  assert.match(await server.reasonOf(raw.socketId), /^transport (close|error)$/);
});

for (const packet of ['0', '5', '6']) {
  test(`websocket: a packet only the server may send: ${packet}`, async () => {
    const raw = await RawWebSocket.join(server);
    raw.send(packet);
    if (profile.serverPacketFromClient === 'ignored') {
      raw.send('42["message","alive"]');
      assert.equal(await raw.next(), '42["message-back","alive"]');
    } else {
      await raw.end();
      assert.equal(await server.reasonOf(raw.socketId), 'parse error');
    }
  });
}

// A websocket beside a polling session, with the probe answered.
async function probe(session) {
  const raw = new RawWebSocket(server, { ...session.params, transport: 'websocket' });
  await once(raw.ws, 'open');
  raw.send('2probe');
  assert.equal(await raw.next(), '3probe');
  return raw;
}

// A session that has moved to the websocket: the held poll ended with a noop first.
async function upgraded() {
  const session = await Polling.join(server);
  const poll = await session.hold();
  const raw = await probe(session);
  assert.equal((await poll.answer).body, '6');
  raw.send('5');
  return { session, raw };
}

async function assertEchoes(raw, text) {
  raw.send(`42["message","${text}"]`);
  assert.equal(await raw.next(), `42["message-back","${text}"]`);
}

// The session still answers over polling.
async function assertPolls(session, text) {
  await session.post(`42["message","${text}"]`);
  assert.deepEqual(await session.read(1), [`42["message-back","${text}"]`]);
}

test('upgrade: probe, noop, upgrade, then messages on the websocket', async () => {
  const { raw } = await upgraded();
  await assertEchoes(raw, 'moved');
  raw.send('451-["message",{"_placeholder":true,"num":0}]', Buffer.from([9, 8]));
  assert.deepEqual(await raw.read(2), ['451-["message-back",{"_placeholder":true,"num":0}]', Buffer.from([9, 8])]);
});

test('upgrade: polling is over afterwards', async () => {
  const { session, raw } = await upgraded();
  await assertEchoes(raw, 'moved');
  for (const init of [{}, { method: 'POST', body: '42["message",1]' }]) {
    const res = await request(server, session.params, init);
    assert.equal(res.status, 400);
    assert.equal(res.body, '{"code":3,"message":"Bad request"}');
  }
  await assertEchoes(raw, 'unharmed');
});

test('upgrade: a second websocket is closed, the first goes on', async () => {
  const { session, raw } = await upgraded();
  await assertEchoes(raw, 'moved');
  const second = new RawWebSocket(server, { ...session.params, transport: 'websocket' });
  await second.end();
  await assertEchoes(raw, 'unharmed');
});

test('upgrade: a second websocket while the first is probing is closed', async () => {
  const session = await Polling.join(server);
  const raw = await probe(session);
  const second = new RawWebSocket(server, { ...session.params, transport: 'websocket' });
  await second.end();
  raw.send('5');
  await assertEchoes(raw, 'moved');
});

test('upgrade: polling goes on while the websocket is probing', async () => {
  const session = await Polling.join(server);
  const raw = await probe(session);
  await session.post('42["message","still polling"]');
  // A noop may come first: the probe ends every poll that has nothing else to say.
  const got = [];
  while (got.length === 0) got.push(...(await session.read(1)).filter((packet) => packet !== '6'));
  assert.deepEqual(got, ['42["message-back","still polling"]']);
  raw.send('5');
  await assertEchoes(raw, 'moved');
});

test('upgrade: what waited for a poll goes out on the websocket, once and in order', async () => {
  const session = await Polling.join(server);
  await session.post('42["sequence",20]');
  const raw = await probe(session);
  raw.send('5');
  const frames = await raw.read(20);
  assert.deepEqual(frames, Array.from({ length: 20 }, (_, i) => `42["seq",${i}]`));
  await assertEchoes(raw, 'behind');
});

test('upgrade: the probe may be repeated', async () => {
  const session = await Polling.join(server);
  const raw = await probe(session);
  raw.send('2probe');
  assert.equal(await raw.next(), '3probe');
  raw.send('5');
  await assertEchoes(raw, 'moved');
});

for (const [name, frame] of [
  ['a message', '42["message",1]'],
  ['a ping without the word', '2'],
  ['a pong', '3probe'],
  ['a close packet', '1'],
  ['binary', Buffer.from([1])],
  ['no packet at all', 'zzz'],
]) {
  test(`upgrade: ${name} instead of the probe closes the websocket only`, async () => {
    const session = await Polling.join(server);
    const raw = new RawWebSocket(server, { ...session.params, transport: 'websocket' });
    await once(raw.ws, 'open');
    raw.send(frame);
    await raw.end();
    await assertPolls(session, 'still here');
  });
}

test('upgrade: a websocket that dies while probing leaves the session on polling', async () => {
  const session = await Polling.join(server);
  const raw = await probe(session);
  raw.ws.terminate();
  await session.post('42["message","still here"]');
  const got = [];
  while (got.length === 0) got.push(...(await session.read(1)).filter((packet) => packet !== '6'));
  assert.deepEqual(got, ['42["message-back","still here"]']);
  // And it may try again.
  const again = await probe(session);
  again.send('5');
  await assertEchoes(again, 'moved');
});

test('upgrade: a session that ends while probing takes the websocket with it', async () => {
  const session = await Polling.join(server);
  const raw = await probe(session);
  await session.post('1');
  await raw.end();
  assert.equal(await server.reasonOf(session.socketId), 'transport close');
});

test('upgrade: the end of the websocket is the end of the session', async () => {
  const { session, raw } = await upgraded();
  await assertEchoes(raw, 'moved');
  raw.ws.close();
  assert.equal(await server.reasonOf(session.socketId), 'transport close');
  assert.equal((await session.get()).status, 400);
});
