// The control plane of the operator's server: what backends do over HTTP, and what official clients see of it.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { io } from 'socket.io-client';
import { startOperator, KEY } from '../suite/operator.mjs';
import { until, within } from '../suite/wait.mjs';

const WAIT_MS = 15_000;
const transports = { polling: ['polling'], websocket: ['websocket'], upgrade: ['polling', 'websocket'] };

const closing = new Set();

// Resolves with a connected client.
function connect(server, names, options = {}) {
  const { ns = '/', ...rest } = options;
  const socket = io(server.url + ns, { transports: names, forceNew: true, ...rest });
  closing.add(socket);
  const connected = new Promise((resolve, reject) => {
    socket.once('connect', () => resolve(socket));
    socket.once('connect_error', reject);
  });
  return within(connected, 'connect', WAIT_MS);
}

const event = (socket, name) => within(new Promise((resolve) => socket.once(name, (...args) => resolve(args))), `event ${name}`, WAIT_MS);

const withOperator = (title, config, run) =>
  test(title, async () => {
    const server = await startOperator(config);
    try {
      await run(server);
    } finally {
      closing.forEach((socket) => socket.disconnect());
      closing.clear();
      await server.stop('SIGKILL').catch(() => {});
    }
  });

const result = async (answer) => {
  const { status, body } = await answer;
  assert.equal(status, 200, JSON.stringify(body));
  assert.equal(body.ok, true);
  return body.result;
};

for (const [name, list] of Object.entries(transports)) {
  withOperator(`emit, rooms and acknowledgements: ${name}`, {}, async (server) => {
    const [a, b] = [await connect(server, list), await connect(server, list)];
    if (name === 'upgrade') {
      await until(() => a.io.engine.transport.name === 'websocket' && b.io.engine.transport.name === 'websocket', 'both upgrades', WAIT_MS);
    }
    const both = Promise.all([event(a, 'hello'), event(b, 'hello')]);
    const sent = await result(server.api('POST', 'emit', { event: 'hello', data: { from: 'backend' }, count: true }));
    assert.equal(sent.matched, 2);
    // An argument more tells the client where it is, for recovery.
    for (const [data] of await both) assert.deepEqual(data, { from: 'backend' });

    assert.deepEqual(await result(server.api('POST', 'join', { to: [a.id], rooms: ['tea', 'a/b'] })), { matched: 1 });
    const room = event(a, 'inside');
    b.on('inside', () => assert.fail('who is not in the room'));
    const bytes = Buffer.from([0, 255, 7]);
    await result(server.api('POST', 'emit', { to: ['tea'], event: 'inside', args: [1, { $binary: bytes.toString('base64') }] }));
    const [one, binary] = await room;
    assert.equal(one, 1);
    assert.deepEqual(Buffer.from(binary), bytes);

    a.on('question', (x, ack) => ack('from a', x + 1));
    b.on('question', (x, ack) => ack('from b', x + 2));
    const acked = await result(server.api('POST', 'emit', { event: 'question', args: [40], ack: { timeout_ms: 10_000 } }));
    assert.equal(acked.received, 2);
    assert.deepEqual(acked.acks.map((x) => [x.sid, x.args]).sort(), [[a.id, ['from a', 41]], [b.id, ['from b', 42]]].sort());

    const listed = await result(server.api('GET', 'sockets?room=tea'));
    assert.deepEqual(listed.items.map((x) => x.sid), [a.id]);
    assert.ok(listed.items[0].rooms.includes('a/b'));
    assert.equal(listed.items[0].transport, name === 'polling' ? 'polling' : 'websocket');
    assert.equal(listed.items[0].ip, '127.0.0.1');
    const rooms = await result(server.api('GET', 'rooms'));
    assert.deepEqual(rooms.items.map((x) => [x.room, x.sockets]), [['a/b', 1], ['tea', 1]]);
    assert.equal((await result(server.api('GET', 'rooms/a%2Fb'))).sockets, 1);
    assert.deepEqual(await result(server.api('POST', 'leave', { all: true, rooms: ['tea'] })), { matched: 2 });
    assert.equal((await result(server.api('GET', 'rooms?prefix=tea'))).items.length, 0);
  });

  withOperator(`kick keeps a client away, reconnect brings it back: ${name}`, {}, async (server) => {
    const kicked = await connect(server, list);
    const moved = await connect(server, list, { reconnectionDelay: 10, randomizationFactor: 0 });
    const gone = event(kicked, 'disconnect');
    await result(server.api('POST', 'disconnect', { to: [kicked.id] }));
    assert.equal((await gone)[0], 'io server disconnect');
    const before = moved.id;
    const lost = event(moved, 'disconnect');
    const back = event(moved, 'connect');
    await result(server.api('POST', 'disconnect', { to: [moved.id], mode: 'reconnect' }));
    assert.match((await lost)[0], /^transport (close|error)$/);
    await back;
    assert.equal(kicked.connected, false);
    assert.equal(kicked.active, false);
    assert.ok(before);
  });

  withOperator(`a drain sends clients away so that they want to come back: ${name}`, { drain: { pre_stop: '0s', over: '100ms' } }, async (server) => {
    const clients = await Promise.all(Array.from({ length: 10 }, () => connect(server, list)));
    const lost = Promise.all(clients.map((c) => event(c, 'disconnect')));
    const told = Promise.all(clients.map((c) => event(c, '$server:draining')));
    const status = await result(server.api('POST', 'admin/drain', {}));
    assert.equal(status.total, 10);
    for (const [{ in_ms }] of await told) assert.equal(in_ms, 100);
    for (const [reason] of await lost) assert.match(reason, /^transport (close|error)$/);
    for (const c of clients) assert.equal(c.active, true);
    const { code } = await within(server.ended, 'the end of the process', WAIT_MS);
    assert.equal(code, 0);
  });
}

withOperator('readiness, drain and its end', { drain: { pre_stop: '1h', over: '0s', timeout: '2h' } }, async (server) => {
  const ready = async () => (await fetch(`${server.control}/readyz`)).status;
  assert.equal(await ready(), 200);
  assert.equal((await fetch(`${server.control}/livez`)).status, 200);
  await result(server.api('POST', 'admin/drain', { rate: '100/s' }));
  assert.equal(await ready(), 503);
  const { reasons } = await (await fetch(`${server.control}/readyz`)).json();
  assert.deepEqual(reasons, [{ name: 'drain', ok: false, detail: 'pre_stop' }]);
  await connect(server, ['websocket']); // still in service
  assert.equal((await server.api('POST', 'admin/drain', {})).status, 409);
  assert.equal((await result(server.api('DELETE', 'admin/drain'))).state, 'serving');
  assert.equal(await ready(), 200);
});

withOperator('a client refused for its address comes again by itself', { limits: { max_connections_per_ip: 1 } }, async (server) => {
  const first = await connect(server, ['websocket']);
  const second = io(server.url, { transports: ['polling'], forceNew: true, reconnectionDelay: 10, randomizationFactor: 0 });
  closing.add(second);
  const [error] = await event(second, 'connect_error');
  assert.equal(error.context.status, 503);
  const refused = await fetch(`${server.url}/socket.io/?EIO=4&transport=polling`);
  assert.equal(refused.status, 503);
  assert.ok(Number(refused.headers.get('retry-after')) > 0);
  assert.equal((await refused.json()).code, 'max_connections_per_ip');
  first.disconnect();
  await event(second, 'connect');
  const metrics = await (await fetch(`${server.control}/metrics`)).text();
  assert.match(metrics, /sioserver_limit_rejections_total\{limit="max_connections_per_ip"\} [1-9]/);
  assert.match(metrics, /sioserver_connections\{transport="polling"\} \d/);
});

withOperator('keys, idempotency and a stream of emits', {}, async (server) => {
  assert.equal((await server.api('POST', 'emit', { event: 'x' }, {})).status, 401);
  assert.equal((await server.api('POST', 'emit', { event: 'x' }, { 'X-API-Key': KEY })).status, 200);
  assert.equal((await server.api('POST', 'emit', '{', undefined)).status, 400);
  const socket = await connect(server, ['websocket']);
  const seen = [];
  socket.on('n', (n) => seen.push(n));
  const lines = Array.from({ length: 100 }, (_, i) => JSON.stringify({ event: 'n', args: [i], id: `id-${i}` }) + '\n').join('');
  for (const duplicate of [undefined, true]) {
    const answer = await fetch(`${server.control}/api/v1/emit/stream`, { method: 'POST', body: lines, headers: { 'X-API-Key': KEY } });
    const results = (await answer.text()).trim().split('\n').map((l) => JSON.parse(l));
    assert.equal(results.length, 100);
    for (const r of results) assert.equal(r.result.duplicate, duplicate);
  }
  await result(server.api('POST', 'emit', { event: 'n', args: ['end'] }));
  await until(() => seen.at(-1) === 'end', 'the last event', WAIT_MS);
  assert.deepEqual(seen, [...Array(100).keys(), 'end']);
});
