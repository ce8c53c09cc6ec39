// Laravel Echo, the official package, in front of the operator's server; behind it Laravel's own broadcaster in PHP.

import assert from 'node:assert/strict';
import Echo from 'laravel-echo';
import { io } from 'socket.io-client';
import { backendAt } from '../suite/backend.mjs';
import { MODES, TRANSPORTS } from '../suite/client.mjs';
import { startRedis } from '../suite/redis.mjs';
import { scenario } from '../suite/scenario.mjs';
import { once, until, within } from '../suite/wait.mjs';

const LONG_MS = 60_000;

// All that a test needs, and one more Echo with its own connection for each call of enter.
async function start({ operator, backend, later }, recovery = { enabled: true }) {
  const redis = await startRedis();
  later(() => redis.stop());
  const at = await backendAt('laravel');
  await backend(at, { REDIS: redis.path });
  const server = await operator({
    laravel_echo: { enabled: true, auth_url: `${at.url}broadcasting/auth`, leave_grace: '0s' },
    ingest: { redis: { enabled: true, url: `unix://${redis.path}`, dialects: ['laravel'], laravel_prefix: 'laravel_database_' } },
    namespaces: [{
      name: '/', auto_join: [], recovery,
      rooms: [{ match: 'private-*', join: 'nobody' }, { match: 'presence-*', join: 'nobody' }, { match: 'news.*', join: 'anyone' }],
    }],
  });
  await until(() => fetch(`${server.control}/readyz`).then((r) => r.ok), 'the subscription to Redis', LONG_MS);
  const enter = async (mode, options) => {
    const echo = new Echo({
      broadcaster: 'socket.io', client: io, host: server.url, transports: TRANSPORTS[mode], forceNew: true,
      reconnectionDelay: 20, reconnectionDelayMax: 50, ...options,
    });
    later(() => echo.disconnect());
    const { socket } = echo.connector;
    await within(socket.connected ? Promise.resolve() : once(socket, 'connect'), 'connect', LONG_MS);
    if (mode === 'upgrade') await until(() => socket.io.engine.transport.name === 'websocket', 'upgrade', LONG_MS);
    return echo;
  };
  const ship = async (order, channels, echo) => {
    const headers = echo ? { 'X-Socket-ID': echo.socketId() } : {};
    const answer = await fetch(`${at.url}ship`, { method: 'POST', headers, body: JSON.stringify({ order, channels }) });
    assert.equal(await answer.text(), 'true');
  };
  const members = (channel, n) =>
    until(async () => ((await server.api('GET', `rooms/${channel}`)).body.result?.sockets ?? 0) === n, `${n} in ${channel}`, LONG_MS);
  return { enter, ship, members };
}

const cookie = (name) => ({ extraHeaders: { cookie: `a=b; user=${name}` } });
const token = (name) => ({ bearerToken: name, auth: { headers: {} } });

// What was heard, and the next of it.
function hearing() {
  const list = [];
  const hear = (what) => (data) => list.push([what, data]);
  return { hear, next: (n = 1) => until(() => list.length >= n, `${n} to be heard`, LONG_MS).then(() => list.splice(0, n)) };
}

scenario('Laravel Echo: public and private channels, whispers, who sends is left out', async (t) => {
  const { enter, ship, members } = await start(t);
  for (const mode of MODES) {
    const [ada, bob, eve] = [await enter(mode, cookie('ada')), await enter(mode, token('bob')), await enter(mode, cookie('eve'))];
    const [news, orders] = [`news.${mode}`, `orders.${mode}`];
    const [a, b, e] = [hearing(), hearing(), hearing()];
    ada.channel(news).listen('OrderShipped', a.hear('news'));
    eve.channel(news).listen('OrderShipped', e.hear('news'));
    for (const [echo, h] of [[ada, a], [bob, b], [eve, e]]) {
      echo.connector.socket.on('subscription_error', (channel, status) => h.hear('error')([channel, status]));
      echo.private(orders).listen('OrderShipped', h.hear('orders')).listenForWhisper('typing', h.hear('whisper'));
    }
    assert.deepEqual(await e.next(), [['error', [`private-${orders}`, 403]]]);
    eve.channel('staff');
    assert.deepEqual(await e.next(), [['error', ['staff', 403]]]);
    await Promise.all([members(news, 2), members(`private-${orders}`, 2)]);

    await ship({ id: 1, name: 'é' }, [news]);
    for (const h of [a, e]) assert.deepEqual(await h.next(), [['news', { order: { id: 1, name: 'é' }, socket: null }]]);

    // ada's own request, as its page marks it.
    await ship({ id: 2 }, [`private-${orders}`], ada);
    assert.deepEqual(await b.next(), [['orders', { order: { id: 2 }, socket: ada.socketId() }]]);
    await ship({ id: 3 }, [`private-${orders}`]);
    for (const h of [a, b]) assert.deepEqual(await h.next(), [['orders', { order: { id: 3 }, socket: null }]]);

    ada.private(orders).whisper('typing', { n: 1 });
    assert.deepEqual(await b.next(), [['whisper', { n: 1 }]]);
    // Who is not in the channel whispers to nobody; the next whisper of ada is the next thing that bob hears.
    eve.private(orders).whisper('typing', { n: 2 });
    const answer = await within(eve.connector.socket.emitWithAck('client event', { channel: `private-${orders}`, event: 'client-typing', data: 3 }), 'answer', LONG_MS);
    assert.equal(answer.error.code, 'forbidden');
    ada.private(orders).whisper('typing', { n: 4 });
    assert.deepEqual(await b.next(), [['whisper', { n: 4 }]]);

    bob.leave(orders);
    await members(`private-${orders}`, 1);
    for (const echo of [ada, bob, eve]) echo.disconnect();
    await members(`private-${orders}`, 0);
  }
});

scenario('Laravel Echo: who is in a presence channel, and who comes and goes', async (t) => {
  const { enter } = await start(t);
  for (const mode of MODES) {
    const room = `room.${mode}`;
    const [ada, bob, tab] = [await enter(mode, cookie('ada')), await enter(mode, token('robert')), await enter(mode, cookie('ada'))];
    const attend = (echo) => {
      const h = hearing();
      const names = (list) => h.hear('here')(list.map((info) => info.name).sort().join(' '));
      echo.join(room).here(names).joining(h.hear('joining')).leaving(h.hear('leaving')).listenForWhisper('typing', h.hear('whisper'));
      return h;
    };
    const a = attend(ada);
    assert.deepEqual(await a.next(), [['here', 'ada']]);
    const b = attend(bob);
    assert.deepEqual(await b.next(), [['here', 'ada robert']]);
    assert.deepEqual(await a.next(), [['joining', { name: 'robert' }]]);
    assert.deepEqual(await attend(tab).next(), [['here', 'ada robert']]); // of which nobody is told
    tab.disconnect();
    bob.join(room).whisper('typing', 'x');
    assert.deepEqual(await a.next(), [['whisper', 'x']]);
    bob.leave(room);
    assert.deepEqual(await a.next(), [['leaving', { name: 'robert' }]]);
    assert.deepEqual(await attend(bob).next(), [['here', 'ada robert']]);
    assert.deepEqual(await a.next(), [['joining', { name: 'robert' }]]);
    bob.disconnect();
    assert.deepEqual(await a.next(), [['leaving', { name: 'robert' }]]);
    ada.disconnect();
  }
});

for (const enabled of [true, false]) {
  scenario(`Laravel Echo: a client that comes back is in its channels, ${enabled ? 'with' : 'without'} recovery`, async (t) => {
    const { enter, ship } = await start(t, { enabled });
    for (const mode of MODES) {
      const [room, orders] = [`room.${mode}`, `orders.${mode}`];
      const [ada, bob] = [await enter(mode, cookie('ada')), await enter(mode, token('robert'))];
      const [a, b] = [hearing(), hearing()];
      ada.join(room).here(a.hear('here')).joining(a.hear('joining')).leaving(a.hear('leaving'));
      await a.next();
      bob.private(orders).listen('OrderShipped', b.hear('orders'));
      bob.join(room).here((list) => b.hear('here')(list.length));
      assert.deepEqual(await b.next(), [['here', 2]]);
      await a.next();
      bob.connector.socket.io.engine.close();
      assert.deepEqual(await a.next(2), [['leaving', { name: 'robert' }], ['joining', { name: 'robert' }]]);
      assert.deepEqual(await b.next(), [['here', 2]]); // Echo has subscribed again
      assert.equal(Boolean(bob.connector.socket.recovered), enabled);
      await ship({ id: 1 }, [`private-${orders}`]);
      assert.deepEqual(await b.next(), [['orders', { order: { id: 1 }, socket: null }]]);
      for (const echo of [ada, bob]) echo.disconnect();
    }
  });
}
