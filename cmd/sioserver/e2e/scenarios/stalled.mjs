// A thousand clients that stop reading in a room of 5,000: the others do not notice, memory has its bound, and those who
// stalled are cut off, come back and recover what they missed.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { backendAt, remembered, SECRET } from '../suite/backend.mjs';
import { metric, resident, startCrowd } from '../suite/crowd.mjs';
import { enter, scenario } from '../suite/scenario.mjs';
import { gather, once, until } from '../suite/wait.mjs';

const ROOM = 5000;
const STALLED = 1000;
const QUEUE_BYTES = 128 * 1024;
const RECOVERY_BYTES = 32 * 1024 * 1024;
const RATE = 5;
const SIZE = 4096;
const SPAN = 15 * RATE; // messages
const LONG_MS = 100_000;

const config = (at) => ({
  namespaces: [{ name: '/', rooms: [{ match: 'crowd', join: 'anyone' }] }],
  engine: { ping_interval: '60s', ping_timeout: '60s' }, // clients that do not read do not answer pings either
  slow_consumers: { queue_bytes: QUEUE_BYTES },
  recovery: { max_bytes: RECOVERY_BYTES },
  webhooks: [{ name: 'slow', url: at.url, secret: [SECRET], events: ['slow_consumer.detected', 'socket.disconnected'] }],
});

// What an official client needs to be behind: the kernel keeps megabytes for it over loopback.
const BURST = 150;
const BURST_SIZE = 100_000;

// A client is closed when its queue was too long for a second. What waits lies in buffers whose sizes are powers of two, and
// the garbage collector lets the heap grow to twice of what is used.
const WAITING = (STALLED + 1) * (QUEUE_BYTES + RATE * SIZE);
const BOUND = 2 * (2 * WAITING + BURST * BURST_SIZE + RECOVERY_BYTES);

// Numbered messages to the room, at the rate.
class News {
  sent = 0;
  pad = 'x'.repeat(SIZE);

  constructor(server) {
    this.server = server;
    this.timer = setInterval(() => this.#publish(), 1000 / RATE);
  }

  async #publish() {
    const args = [this.sent++, performance.timeOrigin + performance.now(), this.pad];
    const { body } = await this.server.api('POST', 'emit', { to: ['crowd'], event: 'news', args });
    assert.equal(body.ok, true, JSON.stringify(body));
  }

  async more(n) {
    const end = this.sent + n;
    await until(() => this.sent >= end, `${n} messages`, LONG_MS);
  }

  stop() {
    clearInterval(this.timer);
  }
}

scenario('scenario 5: 1,000 stalled readers in a room of 5,000', async ({ operator, backend, dir, later, figure }) => {
  const file = join(dir, 'events');
  const at = await backendAt('php');
  await backend(at, { SIO_EVENTS: file });
  const server = await operator(config(at));
  const crowd = await startCrowd(server, { n: ROOM, room: 'crowd', stalled: STALLED });
  later(crowd.stop);
  const official = await enter(server, 'websocket', { reconnection: true });
  await official.emitWithAck('$join', { room: 'crowd' });
  const heard = gather(official, 'news');
  const bursts = gather(official, 'burst');
  const news = new News(server);
  later(async () => news.stop());

  await news.more(2 * RATE); // for the first pages of everything
  await crowd.ask('report');
  await news.more(SPAN);
  const before = await crowd.ask('report');
  const rss = await resident(server.child.pid);
  let most = rss;
  let waiting = 0;
  const watch = setInterval(async () => {
    most = Math.max(most, await resident(server.child.pid));
    waiting = Math.max(waiting, await metric(server, 'sioserver_send_queue_bytes'));
  }, 500);
  later(async () => clearInterval(watch));

  await crowd.ask('stall');
  official.io.engine.transport.ws._socket.pause();
  const burst = 'x'.repeat(BURST_SIZE);
  for (let i = 0; i < BURST; i++) await server.api('POST', 'emit', { to: [official.id], event: 'burst', args: [i, burst] });
  const cut = () => metric(server, 'sioserver_slow_consumers_total', { action: 'disconnect' });
  await news.more(SPAN);
  await until(async () => (await cut()) === STALLED + 1, 'all who stalled are cut off', LONG_MS);
  const during = await crowd.ask('report');
  clearInterval(watch);
  figure(`p50, p99, most of the others in ms: ${line(before)} before, ${line(during)} while ${STALLED} stalled`);
  figure(`resident: ${mib(rss)} MiB before, ${mib(most)} MiB at most; ${mib(waiting)} MiB were seen to wait; the bound is ${mib(BOUND)} MiB more`);
  assert.ok(before.heard >= (ROOM - STALLED) * SPAN * 0.9 && during.heard >= (ROOM - STALLED) * SPAN * 0.9);
  assert.ok(most - rss <= BOUND, 'more memory than the queues and the recovery of all may take');
  // 20 % on a quiet machine; the bound is for one that is not.
  assert.ok(during.p99 <= 2 * before.p99 + 50, 'the others notice');
  assert.equal(during.missed + during.repeated + during.cut_off, 0);
  assert.equal(await metric(server, 'sioserver_connections_closed_total', { reason: 'transport error' }), STALLED + 1);

  const lost = once(official, 'disconnect', LONG_MS);
  const again = once(official, 'connect', LONG_MS);
  await crowd.ask('wake');
  official.io.engine.transport.ws._socket.resume();
  assert.match((await lost)[0], /^transport (close|error)$/);
  await again;
  assert.equal(official.recovered, true);
  const all = ({ connected, recovered }) => connected === ROOM && recovered >= STALLED;
  await until(async () => all(await crowd.ask('report')), 'all come back', LONG_MS);
  await news.more(RATE);
  news.stop();
  await until(async () => (await crowd.ask('report')).last[0] === news.sent - 1, 'all have all', LONG_MS);
  await until(() => heard.at(-1)?.[0] === news.sent - 1, 'the official client has all', LONG_MS);
  const seen = await crowd.ask('report');
  figure(`${seen.recovered} came back, ${seen.missed} of ${news.sent} messages to each were missed, ${seen.repeated} came again`);
  // What one has missed is more than a queue, and one that is slow to take it is cut off again, to go on from there.
  assert.deepEqual([seen.fresh, seen.kicked, seen.missed, seen.repeated], [0, 0, 0, 0]);
  assert.equal(seen.recovered, seen.cut_off);
  assert.deepEqual(heard.map(([n]) => n), [...Array(news.sent).keys()]);
  assert.deepEqual(bursts.map(([n]) => n), [...Array(BURST).keys()]);

  await until(async () => (await remembered(file)).filter((e) => e.type === 'slow_consumer.detected').length > STALLED, 'the backend is told of each', LONG_MS);
  const reasons = (await remembered(file)).filter((e) => e.type === 'socket.disconnected').map((e) => e.reason);
  assert.deepEqual([...new Set(reasons)], ['transport error']);
}, 280_000);

const line = ({ p50, p99, max }) => [p50, p99, max].map((ms) => ms.toFixed(1)).join(' / ');
const mib = (bytes) => (bytes / 2 ** 20).toFixed(0);
