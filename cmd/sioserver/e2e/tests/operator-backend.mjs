// Backends in PHP, Python and JavaScript behind the operator's server: hooks, rules, webhooks, limits.

import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { backendAt, failing, remembered, SECRET } from '../suite/backend.mjs';
import { client, MODES } from '../suite/client.mjs';
import { as, enter, hooked, scenario } from '../suite/scenario.mjs';
import { gather, once, until } from '../suite/wait.mjs';

const LONG_MS = 30_000;

for (const kind of ['php', 'python', 'node']) {
  scenario(`hooks, ${kind}: who connects, and what an event answers`, async ({ operator, backend }) => {
    const at = await backendAt(kind);
    await backend(at);
    const server = await operator(hooked(at.url));
    for (const mode of MODES) {
      const refused = client(server, mode);
      const [err] = await once(refused, 'connect_error');
      assert.match(err.message, /log in first|tell your name/);

      const ada = await enter(server, mode, as(kind, 'ada'));
      const order = await ada.emitWithAck('order.create', { sku: 'A1' });
      assert.equal(order.id, 981);
      assert.equal(order.sku, 'A1');
      assert.equal(order.by, 'ada');
      assert.deepEqual(await ada.emitWithAck('order.none'), { error: { code: 'unknown_event', message: 'order.none' } });
      assert.equal((await ada.emitWithAck('other')).error.code, 'unknown_event');
      ada.disconnect();
    }
  });
}

scenario('rules: rooms, presence, publishing and relays', async ({ operator, backend }) => {
  const at = await backendAt('python');
  await backend(at);
  const server = await operator(hooked(at.url));
  for (const mode of MODES) {
    const room = `public:${mode}`;
    const [ada, bob] = await Promise.all(['ada', 'bob'].map((name) => enter(server, mode, as('python', name))));
    assert.equal((await bob.emitWithAck('$join', { room: 'staff' })).error.code, 'forbidden');
    assert.deepEqual(await ada.emitWithAck('$join', { room: 'staff' }), { ok: true, room: 'staff' });
    const order = once(ada, 'order.created');
    await bob.emitWithAck('order.create', { sku: 'C' });
    assert.equal((await order)[0].by, 'bob');

    assert.equal((await bob.emitWithAck('typing', { room })).error.code, 'forbidden');
    assert.equal((await ada.emitWithAck('$join', { room })).presence.users, 1);
    const came = once(ada, '$presence:join');
    assert.equal((await bob.emitWithAck('$join', { room })).presence.users, 2);
    assert.deepEqual((await came)[0], { room, member: { user: 'bob', sid: bob.id, info: { name: 'bob' } } });
    const typing = once(ada, 'typing');
    assert.deepEqual(await bob.emitWithAck('typing', { room, bytes: Buffer.from('é') }), { ok: true });
    assert.deepEqual((await typing)[0], { room, bytes: Buffer.from('é') });
    const said = once(ada, 'said');
    assert.equal((await bob.emitWithAck('$publish', { room, event: 'said', args: [1, { a: 'b' }] })).ok, true);
    assert.deepEqual((await said).slice(0, 2), [1, { a: 'b' }]);
    const left = once(ada, '$presence:leave');
    bob.disconnect();
    assert.equal((await left)[0].member.user, 'bob');
    ada.disconnect();
  }
});

scenario('hooks: a backend that is down lets clients come again by themselves', async ({ operator, backend }) => {
  const at = await backendAt('python');
  const config = hooked(at.url);
  config.hooks.defaults.breaker = { failures: 0 }; // which would only make the test longer
  const server = await operator(config);
  for (const mode of MODES) {
    const socket = client(server, mode, { ...as('python', 'ada'), reconnection: true, reconnectionDelay: 20, reconnectionDelayMax: 50 });
    const tries = gather(socket.io, 'reconnect_attempt');
    await until(() => tries.length >= 2, 'attempts', LONG_MS);
    const b = await backend(at);
    await until(() => socket.connected, 'connection', LONG_MS);
    await b.stop();
    socket.disconnect();
  }
});

// What a webhook is told, with short waits.
const told = (url, more = {}) => ({
  webhooks: [{
    name: 'main', url, secret: [SECRET], events: ['socket.*', 'user.*', 'node.*'], leave_grace: '0s',
    batch: { max_events: 20, max_wait: '5ms' }, retry: { initial: '10ms', max: '20ms', max_elapsed: '1h' }, ...more,
  }],
  namespaces: [{ name: '/', events: [{ match: ['log.*'], action: 'webhook', webhook: 'main' }] }],
  limits: { events_per_second: '0/s' },
});

// Emits count events, and waits until the server has them.
async function log(socket, count, from = 0) {
  for (let i = 0; i < count; i++) socket.emit('log.line', from + i);
  assert.deepEqual(await socket.emitWithAck('log.end'), { ok: true });
}

// Checks that each event of a process came, and in which order they happened.
function inOrder(events, count) {
  const lines = new Map(events.filter((e) => e.event === 'log.line').map((e) => [e.seq, e.args[0]]));
  const order = [...lines].sort(([a], [b]) => a - b).map(([, n]) => n);
  assert.deepEqual(order, [...Array(count).keys()]);
}

for (const kind of ['php', 'python', 'node']) {
  scenario(`webhooks, ${kind}: an endpoint that was down misses nothing`, async ({ operator, backend, dir, later }) => {
    const at = await backendAt(kind);
    const file = join(dir, 'events');
    const down = await failing(at);
    later(down.end);
    const server = await operator(told(at.url));
    const socket = await enter(server, 'websocket');
    await log(socket, 500);
    await down.tries(5);
    await down.end();
    const b = await backend(at, { SIO_EVENTS: file });
    await until(async () => (await remembered(file)).some((e) => e.event === 'log.end'), 'the first events', LONG_MS);
    await b.stop(); // and down again, in the middle
    await log(socket, 500, 500);
    socket.disconnect();
    await backend(at, { SIO_EVENTS: file });
    await server.stop();
    const events = await remembered(file);
    inOrder(events, 1000);
    const types = events.map((e) => e.type);
    for (const type of ['node.started', 'socket.connected', 'socket.disconnected', 'node.stopped']) assert.ok(types.includes(type), type);
  });
}

scenario('webhooks: what a killed server has written another one delivers', async ({ operator, backend, dir }) => {
  const at = await backendAt('python');
  const spool = join(dir, 'spool');
  const file = join(dir, 'events');
  const config = told(at.url, { queue: { spool_dir: spool } });
  const first = await operator(config);
  const socket = await enter(first, 'websocket');
  await log(socket, 300);
  // Written means on its way to the disk; the pump is milliseconds behind.
  const [boot] = await readdir(join(spool, 'main'));
  await until(async () => (await written(join(spool, 'main', boot))) >= 301, 'records', LONG_MS);
  await first.stop('SIGKILL');
  await backend(at, { SIO_EVENTS: file });
  await operator(config);
  await until(async () => (await remembered(file)).filter((e) => e.event === 'log.line').length >= 300, 'delivery', LONG_MS);
  inOrder((await remembered(file)).filter((e) => e.id.includes(boot)), 300);
  await until(async () => !(await readdir(join(spool, 'main'))).includes(boot), 'the directory of the dead', LONG_MS);
});

// The records in a directory of the spool.
async function written(dir) {
  let n = 0;
  for (const name of (await readdir(dir)).filter((f) => f.endsWith('.seg'))) {
    const data = await readFile(join(dir, name));
    for (let i = 0; i + 8 <= data.length && i + 8 + data.readUInt32LE(i) <= data.length; i += 8 + data.readUInt32LE(i)) n++;
  }
  return n;
}

scenario('limits: events beyond the rate are dropped, the rate itself passes', async ({ operator }) => {
  const RATE = 50;
  const SPAN_MS = 10_000;
  const server = await operator({
    namespaces: [{ name: '/', events: [{ match: ['e'], action: 'ack', ack: [1] }] }],
    limits: { events_per_second: `${RATE}/s`, violation: 'drop' },
  });
  const socket = await enter(server, 'websocket');
  const acks = [];
  const flood = setInterval(() => {
    for (let i = 0; i < 4; i++) socket.emit('e', () => acks.push(performance.now()));
  }, 5);
  await until(() => acks.length > 2 * RATE && acks.at(-1) - acks[2 * RATE] >= SPAN_MS, 'the span', 3 * SPAN_MS).finally(() => clearInterval(flood));
  // The burst is gone with the first two seconds' worth.
  const rest = acks.slice(2 * RATE);
  const rate = ((rest.length - 1) * 1000) / (rest.at(-1) - rest[0]);
  assert.ok(Math.abs(rate - RATE) <= RATE * 0.05, `${rate.toFixed(2)} events a second passed, ${RATE} are allowed`);
});
