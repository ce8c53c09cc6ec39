// Engine.IO protocol 4 by hand: who gets a session, and what a refusal looks like.

import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { profile } from '../suite/profile.mjs';
import { Polling, RawWebSocket, endWebSockets, request } from '../suite/raw.mjs';
import { startServer } from '../suite/server.mjs';

const INTERVAL_MS = 300;
const TIMEOUT_MS = 200;

const POLLING = { EIO: '4', transport: 'polling' };
const WEBSOCKET = { EIO: '4', transport: 'websocket' };

let server;
before(async () => (server = await startServer({ pingInterval: INTERVAL_MS, pingTimeout: TIMEOUT_MS })));
after(() => server.stop());
afterEach(endWebSockets);

const errorBody = (code, message) => JSON.stringify({ code, message });

test('handshake, polling: keys, their order, values and headers', async () => {
  const res = await request(server, POLLING);
  assert.equal(res.status, 200);
  assert.equal(res.headers.get('content-type')?.toLowerCase(), 'text/plain; charset=utf-8');
  assert.equal(res.headers.get('cache-control'), 'no-store');
  assert.equal(res.headers.get('set-cookie'), null);
  assert.equal(res.body[0], '0');
  const open = JSON.parse(res.body.slice(1));
  assert.deepEqual(Object.keys(open), ['sid', 'upgrades', 'pingInterval', 'pingTimeout', 'maxPayload']);
  assert.match(open.sid, /^[\w-]{20}$/);
  assert.deepEqual(open.upgrades, ['websocket']);
  assert.equal(open.pingInterval, INTERVAL_MS);
  assert.equal(open.pingTimeout, TIMEOUT_MS);
  assert.equal(open.maxPayload, 1_000_000);
});

test('handshake, websocket: the first frame, without upgrades', async () => {
  const raw = new RawWebSocket(server);
  const frame = await raw.next();
  assert.equal(frame[0], '0');
  const open = JSON.parse(frame.slice(1));
  assert.deepEqual(Object.keys(open), ['sid', 'upgrades', 'pingInterval', 'pingTimeout', 'maxPayload']);
  assert.match(open.sid, /^[\w-]{20}$/);
  assert.deepEqual(open.upgrades, []);
  assert.deepEqual([open.pingInterval, open.pingTimeout, open.maxPayload], [INTERVAL_MS, TIMEOUT_MS, 1_000_000]);
});

test('handshake: no two sessions share an id', async () => {
  const ids = await Promise.all(Array.from({ length: 50 }, async () => (await Polling.open(server)).sid));
  assert.equal(new Set(ids).size, ids.length);
});

test('handshake: other query parameters do not matter', async () => {
  assert.equal((await request(server, { ...POLLING, t: 'abc123', foo: 'bar', sid: '' })).status, 200);
});

test('handshake: a longer path', async () => {
  assert.equal((await request(server, POLLING, { path: '/socket.io/default/' })).status, profile.longerPath);
});

const REFUSED_REQUESTS = [
  ['no EIO', { transport: 'polling' }, {}, 400, 5, 'Unsupported protocol version'],
  ['EIO of another protocol', { ...POLLING, EIO: '3' }, {}, 400, 5, 'Unsupported protocol version'],
  ['EIO that is no number', { ...POLLING, EIO: 'abc' }, {}, 400, 5, 'Unsupported protocol version'],
  ['no transport', { EIO: '4' }, {}, 400, 0, 'Transport unknown'],
  ['an unknown transport', { ...POLLING, transport: 'abc' }, {}, 400, 0, 'Transport unknown'],
  ['a transport that is a property name', { ...POLLING, transport: 'constructor' }, {}, 400, 0, 'Transport unknown'],
  ['a transport that is __proto__', { ...POLLING, transport: '__proto__' }, {}, 400, 0, 'Transport unknown'],
  ['POST', POLLING, { method: 'POST', body: '' }, 400, 2, 'Bad handshake method'],
  ['PUT', POLLING, { method: 'PUT', body: '' }, 400, 2, 'Bad handshake method'],
  ['DELETE', POLLING, { method: 'DELETE' }, 400, 2, 'Bad handshake method'],
  ['OPTIONS', POLLING, { method: 'OPTIONS' }, 400, 2, 'Bad handshake method'],
  ['websocket as a plain GET', WEBSOCKET, {}, 400, 3, 'Bad request'],
  ['an unknown session', { ...POLLING, sid: 'unknown' }, {}, 400, 1, 'Session ID unknown'],
  ['a session that is __proto__', { ...POLLING, sid: '__proto__' }, {}, 400, 1, 'Session ID unknown'],
  ['POST to an unknown session', { ...POLLING, sid: 'unknown' }, { method: 'POST', body: '40' }, 400, 1, 'Session ID unknown'],
];

for (const [name, params, init, status, code, message] of REFUSED_REQUESTS) {
  test(`handshake, polling: refused: ${name}`, async () => {
    const res = await request(server, params, init);
    assert.equal(res.status, status);
    assert.equal(res.body, errorBody(code, message));
    assert.match(res.headers.get('content-type') ?? '', /^application\/json/);
  });
}

const REFUSED_UPGRADES = [
  ['no transport', { EIO: '4' }, 400, 'Transport unknown'],
  ['an unknown transport', { ...WEBSOCKET, transport: 'abc' }, 400, 'Transport unknown'],
  ['a transport that is a property name', { ...WEBSOCKET, transport: 'constructor' }, 400, 'Transport unknown'],
  ['an unknown session', { ...WEBSOCKET, sid: 'unknown' }, 400, 'Session ID unknown'],
  ['a session that is __proto__', { ...WEBSOCKET, sid: '__proto__' }, 400, 'Session ID unknown'],
];

for (const [name, params, status, message] of REFUSED_UPGRADES) {
  test(`handshake, websocket: refused: ${name}`, async () => {
    const raw = new RawWebSocket(server, params);
    const res = await raw.refusal();
    assert.equal(res.status, status);
    // The text alone, or the same JSON as over polling.
    assert.ok(res.body.includes(message), res.body);
    assert.notEqual((await raw.end()).code, 1000);
  });
}

for (const EIO of [undefined, '3', 'abc']) {
  test(`handshake, websocket: refused: EIO ${EIO}`, async () => {
    const raw = new RawWebSocket(server, EIO ? { ...WEBSOCKET, EIO } : { transport: 'websocket' });
    await raw.end();
    await assert.rejects(raw.next(), /closed/);
  });
}

test('handshake, websocket: polling named on an upgrade request', async () => {
  const raw = new RawWebSocket(server, POLLING);
  await raw.end();
  await assert.rejects(raw.next(), /closed/);
});
