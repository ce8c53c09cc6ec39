// SIGTERM to a server whose clients talk all the time: the next process on the port takes them in, and nothing that was
// acknowledged and nothing that was published is lost.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { backendAt, remembered, SECRET } from './backend.mjs';
import { client } from './client.mjs';
import { metric, startCrowd } from './crowd.mjs';
import { startRedis } from './redis.mjs';
import { until, within } from './wait.mjs';

const LONG_MS = 120_000;

const config = (at, redis, maxRate) => ({
  server: { reuse_port: true },
  cluster: { backend: 'redis_streams', url: `unix://${redis.path}` },
  recovery: { backend: 'redis_streams' },
  namespaces: [{ name: '/', events: [{ match: ['log.line'], action: 'webhook', webhook: 'log' }] }],
  webhooks: [{ name: 'log', url: at.url, secret: [SECRET], events: ['node.*'], batch: { max_events: 2000 } }],
  drain: { pre_stop: '1s', over: '0s', max_rate: `${maxRate}/s`, timeout: '90s' },
});

// An official client that talks as the crowd does, and whose own queue tries again what was not acknowledged.
class Talker {
  acked = 0;
  news = [];

  constructor(server, number, delay) {
    this.name = `official-${number}`;
    this.socket = client(server, 'websocket', { reconnection: true, reconnectionDelay: delay, retries: 100, ackTimeout: 20_000 });
    this.socket.on('news', (n) => this.news.push(n));
  }

  begin() {
    this.socket.on('connect', () => (this.recovered = this.socket.recovered));
    this.#say(0);
  }

  #say(k) {
    this.socket.emit('log.line', this.name, k, (err, answer) => {
      assert.ok(!err && answer.ok);
      this.acked++;
      if (this.done) this.done();
      else this.timer = setTimeout(() => this.#say(k + 1), 500);
    });
  }

  // Resolves when the last event is acknowledged.
  async settle() {
    const last = new Promise((resolve) => (this.done = resolve));
    await within(last, `the last answer of ${this.name}`, LONG_MS);
  }
}

// Numbered messages to all, published over the API of one server after another.
class News {
  sent = 0;

  constructor(server, every) {
    this.server = server;
    this.timer = setInterval(() => (this.last = this.#publish()), every);
  }

  async #publish() {
    const n = this.sent++;
    const { body } = await this.server.api('POST', 'emit', { event: 'news', args: [n, Date.now()] });
    assert.equal(body.ok, true, JSON.stringify(body));
  }

  async stop() {
    clearInterval(this.timer);
    await this.last;
  }
}

// Runs it with a crowd and some official clients, which come back after half to one and a half of a delay. Resolves with what the crowd has seen.
export async function leave({ operator, backend, dir, later, figure }, { clients, official, maxRate, every, newsEvery = 1000, delay = 1000 }) {
  const file = join(dir, 'events');
  const at = await backendAt('python');
  await backend(at, { SIO_EVENTS: file });
  const redis = await startRedis();
  later(() => redis.stop());
  const first = await operator(config(at, redis, maxRate));
  const crowd = await startCrowd(first, { n: clients, 'connect-rate': 1500, event: 'log.line', every, delay: `${delay}ms` });
  later(crowd.stop);
  const talkers = Array.from({ length: official }, (_, i) => new Talker(first, i, delay));
  // A machine that is busy refuses some at first, who come again.
  await until(() => talkers.every(({ socket }) => socket.connected), 'official clients', LONG_MS);

  const second = await operator(config(at, redis, maxRate), first.port);
  await until(() => fetch(`${second.control}/readyz`).then((r) => r.ok), 'the second process', LONG_MS);
  for (const talker of talkers) talker.begin();
  const news = new News(first, newsEvery);
  later(() => news.stop().catch(() => {}));
  await until(() => news.sent >= 3, 'news before the end', LONG_MS);
  assert.equal(await metric(first, 'sioserver_sockets', { namespace: '/' }), clients + official);

  news.server = second;
  const begun = performance.now();
  first.child.kill('SIGTERM');
  const { code } = await within(first.ended, 'the end of the first process', LONG_MS);
  figure(`the process ended with ${code} after ${((performance.now() - begun) / 1000).toFixed(1)} s`);
  assert.equal(code, 0);
  await Promise.all([crowd.ask('settle'), ...talkers.map((talker) => talker.settle())]);
  await news.stop();
  await until(async () => (await crowd.ask('report')).last[0] === news.sent - 1, 'the last news', LONG_MS);
  await until(() => talkers.every((talker) => talker.news.at(-1) === news.sent - 1), 'the last news of official clients', LONG_MS);

  const seen = await crowd.ask('report');
  figure(`recovered ${seen.recovered} of ${clients}, not ${seen.fresh}; missed ${seen.missed}, again ${seen.repeated} of ${news.sent} messages to each`);
  figure(`tries to connect that failed: ${JSON.stringify(seen.faults)}`);
  assert.deepEqual([seen.kicked, seen.fresh, seen.recovered, seen.missed, seen.repeated], [0, 0, clients, 0, 0]);
  for (const talker of talkers) {
    assert.equal(talker.recovered, true, talker.name);
    assert.deepEqual(talker.news, [...Array(news.sent).keys()], talker.name);
  }

  const acks = [...(await crowd.ask('acks')).map((n, i) => [i, n]), ...talkers.map(({ name, acked }) => [name, acked])];
  const told = async () => (await second.api('GET', 'webhooks')).body.result.items[0].queued === 0;
  await until(told, 'the last webhook', LONG_MS);
  figure(compare(acks, (await remembered(file)).filter((e) => e.event === 'log.line')));
  return seen;
}

// What was acknowledged is in the backend's own record: of each client event 0 to the last.
function compare(acks, records) {
  const lines = new Map();
  for (const { args: [who, k] } of records) lines.set(who, (lines.get(who) ?? new Set()).add(k));
  let acknowledged = 0;
  let lost = 0;
  for (const [who, n] of acks) {
    acknowledged += n;
    for (let k = 0; k < n; k++) lost += !lines.get(who)?.has(k);
  }
  assert.ok(acknowledged >= acks.length, 'each has talked');
  assert.equal(lost, 0, `of ${acknowledged} that were acknowledged`);
  return `acknowledged ${acknowledged}, in the backend's record ${records.length}, lost ${lost}`;
}
