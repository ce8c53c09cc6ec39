// Engine.IO protocol 4 by hand: heartbeat, and how a session ends from either side.

import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { profile } from '../suite/profile.mjs';
import { Polling, RawWebSocket, endWebSockets, packets, payload } from '../suite/raw.mjs';
import { startServer } from '../suite/server.mjs';
import { until } from '../suite/wait.mjs';

const INTERVAL_MS = 500;
const TIMEOUT_MS = 400;

// How much sooner than announced a timer may seem to run out: the clocks of two processes, and whole milliseconds.
const EARLY_MS = 30;

let calm;
let quick;
let steady;
before(async () => {
  [calm, quick, steady] = await Promise.all([
    startServer(),
    startServer({ pingInterval: INTERVAL_MS, pingTimeout: TIMEOUT_MS }),
    startServer({ pingInterval: 100, pingTimeout: 10_000 }),
  ]);
});
after(() => Promise.all([calm.stop(), quick.stop(), steady.stop()]));
afterEach(endWebSockets);

async function assertGone(session) {
  const res = await session.get();
  assert.equal(res.status, 400);
  assert.equal(res.body, '{"code":1,"message":"Session ID unknown"}');
}

test('heartbeat, polling: pings come as long as they are answered', async () => {
  const session = await Polling.open(steady);
  for (let i = 0; i < 3; i++) {
    const res = await session.get();
    assert.deepEqual([res.status, res.body], [200, '2']);
    assert.equal((await session.post('3')).body, 'ok');
  }
});

test('heartbeat, websocket: pings come as long as they are answered', async () => {
  const raw = await RawWebSocket.open(steady, { pong: false });
  for (let i = 0; i < 3; i++) {
    assert.equal(await raw.next(), '2');
    raw.send('3');
  }
});

test('heartbeat, polling: the first ping comes after the interval', async () => {
  const started = performance.now();
  const session = await Polling.open(quick);
  assert.equal((await session.get()).body, '2');
  const waited = performance.now() - started;
  assert.ok(waited >= INTERVAL_MS - EARLY_MS, `${waited} ms`);
});

test('heartbeat, polling: no pong, no session', async () => {
  const started = performance.now();
  const session = await Polling.join(quick);
  await quick.saw({ event: 'disconnect', sid: session.socketId, reason: 'ping timeout' });
  const waited = performance.now() - started;
  assert.ok(waited >= INTERVAL_MS + TIMEOUT_MS - EARLY_MS, `${waited} ms`);
  await assertGone(session);
});

test('heartbeat, polling: a held poll is told to close', async () => {
  const session = await Polling.open(quick);
  const seen = [];
  // The ping ends one poll; the next is held until the session times out.
  await until(async () => {
    const res = await session.get();
    seen.push(...packets(res.body));
    return seen.includes('1') || res.status === 400;
  }, 'end of the session');
  assert.deepEqual(seen, ['2', '1']);
});

test('heartbeat, websocket: no pong, no session', async () => {
  const started = performance.now();
  const raw = await RawWebSocket.join(quick, '40', { pong: false });
  await raw.end();
  const waited = performance.now() - started;
  assert.ok(waited >= INTERVAL_MS + TIMEOUT_MS - EARLY_MS, `${waited} ms`);
  assert.equal(await quick.reasonOf(raw.socketId), 'ping timeout');
});

test('heartbeat: a ping from the client is a mistake', async () => {
  const raw = await RawWebSocket.join(calm);
  raw.send('2');
  await raw.end();
  assert.equal(await calm.reasonOf(raw.socketId), 'transport error');

  const session = await Polling.join(calm);
  await session.post('2');
  assert.equal(await calm.reasonOf(session.socketId), 'transport error');
  await assertGone(session);
});

test('heartbeat: a pong nobody asked for is passed over', async () => {
  const raw = await RawWebSocket.join(calm);
  raw.send('3', '3probe', '42["message","alive"]');
  assert.equal(await raw.next(), '42["message-back","alive"]');
});

test('close, polling: the close packet of the client', async () => {
  const session = await Polling.join(calm);
  const poll = await session.hold();
  // A round trip later the poll has been read.
  await Polling.open(calm);
  assert.equal((await session.post('1')).status, 200);
  assert.deepEqual((await poll.answer).body, '6');
  assert.equal(await calm.reasonOf(session.socketId), 'transport close');
  await assertGone(session);
});

test('close, polling: what stands behind the close packet is dropped', async () => {
  const session = await Polling.join(calm);
  await session.post(payload('1', '42["note","too late"]'));
  assert.equal(await calm.reasonOf(session.socketId), 'transport close');
  await assertGone(session);
  assert.equal(calm.journal.some((line) => line.event === 'note' && line.sid === session.socketId), false);
});

test('close, websocket: the close packet of the client', async () => {
  const raw = await RawWebSocket.join(calm);
  raw.send('1');
  if (profile.closePacketOnWebSocket === 'ignored') {
    raw.send('42["message","alive"]');
    assert.equal(await raw.next(), '42["message-back","alive"]');
  } else {
    await raw.end();
    assert.equal(await calm.reasonOf(raw.socketId), 'transport close');
  }
});

test('close, websocket: after the close packet the websocket does not stay open', async () => {
  const raw = await RawWebSocket.open(quick, { pong: false });
  raw.send('1');
  await raw.end();
});

test('close, polling: the server ends the connection while a poll is held', async () => {
  const session = await Polling.join(calm);
  const poll = await session.hold();
  await Polling.open(calm);
  await session.post('42["kick",true]');
  // A client acts on a close packet at once and on messages a little later: with both in one payload it would take the
  // end for a failure and connect again.
  assert.equal((await poll.answer).body, '41');
  const res = await session.get();
  assert.match(`${res.status} ${res.body}`, /^(200 (6\x1e)?1|400 .*)$/);
  assert.equal(await calm.reasonOf(session.socketId), 'server namespace disconnect');
  await assertGone(session);
});

test('close, polling: the server ends the connection between two polls', async () => {
  const session = await Polling.join(calm);
  await session.post('42["kick",true]');
  assert.equal((await session.get()).body, '41');
  const res = await session.get();
  assert.match(`${res.status} ${res.body}`, /^(200 (6\x1e)?1|400 .*)$/);
  assert.equal(await calm.reasonOf(session.socketId), 'server namespace disconnect');
  await assertGone(session);
});

test('close, websocket: the server ends the connection', async () => {
  const raw = await RawWebSocket.join(calm);
  raw.send('42["kick",true]');
  assert.equal(await raw.next(), '41');
  const { code } = await raw.end();
  assert.ok([1000, 1005].includes(code), `code ${code}`);
});
