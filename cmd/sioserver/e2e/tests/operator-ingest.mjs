// Publishers over Redis in front of the operator's server: the official emitter as it is, and official clients.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Emitter } from '@socket.io/redis-emitter';
import { createClient } from 'redis';
import { io } from 'socket.io-client';
import { startOperator } from '../suite/operator.mjs';
import { startRedis } from '../suite/redis.mjs';
import { until, within } from '../suite/wait.mjs';

const WAIT_MS = 15_000;

test('the official emitter reaches official clients, over every transport', async (t) => {
  const redis = await startRedis();
  const publisher = createClient({ socket: { path: redis.path } });
  await publisher.connect();
  const server = await startOperator({ ingest: { redis: { enabled: true, url: `unix://${redis.path}`, dialects: ['socketio', 'laravel'], laravel_prefix: 'app_' } } });
  const clients = [];
  t.after(async () => {
    clients.forEach((c) => c.disconnect());
    await server.stop('SIGKILL').catch(() => {});
    await publisher.close();
    await redis.stop();
  });
  await until(() => fetch(`${server.control}/readyz`).then((r) => r.ok), 'subscriptions', WAIT_MS);

  for (const transports of [['polling'], ['websocket'], ['polling', 'websocket']]) clients.push(io(server.url, { transports, forceNew: true }));
  await within(Promise.all(clients.map((c) => c.connected || new Promise((resolve) => c.once('connect', resolve)))), 'connects', WAIT_MS);
  const next = (name) =>
    within(Promise.all(clients.map((c) => new Promise((resolve) => c.once(name, (...args) => resolve(args))))), `event ${name}`, WAIT_MS);

  const emitter = new Emitter(publisher);
  const hello = next('hello');
  emitter.emit('hello', { n: 1 }, Buffer.from([1, 2, 255]));
  for (const [data, bytes] of await hello) {
    assert.deepEqual(data, { n: 1 });
    assert.deepEqual(Buffer.from(bytes), Buffer.from([1, 2, 255]));
  }

  emitter.in(clients[0].id).socketsJoin('tea');
  const first = within(new Promise((resolve) => clients[0].once('tea', resolve)), 'tea', WAIT_MS);
  clients[1].on('tea', () => assert.fail('who is not in the room'));
  emitter.to('tea').emit('tea', 'hot');
  assert.equal(await first, 'hot');

  // Laravel: the channel is the room.
  const shipped = within(new Promise((resolve) => clients[0].once('OrderShipped', (...args) => resolve(args))), 'OrderShipped', WAIT_MS);
  await publisher.publish('app_tea', JSON.stringify({ event: 'OrderShipped', data: { id: 7 }, socket: null }));
  assert.deepEqual((await shipped).slice(0, 2), ['tea', { id: 7 }]);

  const gone = within(new Promise((resolve) => clients[2].once('disconnect', resolve)), 'the disconnect', WAIT_MS);
  emitter.in(clients[2].id).disconnectSockets();
  assert.equal(await gone, 'io server disconnect');
});
