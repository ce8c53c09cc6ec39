// One of three servers is killed under five thousand broadcasts a second: the clients of the others miss nothing, the
// dead server's are found no more, and a question that is on its way ends in time with the answers there are.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { answers, connect } from '../suite/client.mjs';
import { startRedis } from '../suite/redis.mjs';
import { startReference, startServer } from '../suite/server.mjs';
import { times, until } from '../suite/wait.mjs';

const RATE = 5000;
const SENDERS = 2;
const TICK_MS = 10;
const EACH = 6000;
const KILL_AT = 2000;
const QUESTION_MS = 1500;
const PATIENCE_MS = 60_000;

const CASES = [
  ['redis', 'ours'],
  ['redis', 'official'],
  ['redis-sharded', 'ours'],
];

// Numbered events of one client to all, so many in a second that all senders together make the rate.
class Stream {
  sent = 0;

  constructor(socket, name) {
    this.began = performance.now();
    this.timer = setInterval(() => {
      const due = Math.min(EACH, Math.ceil(((performance.now() - this.began) * RATE) / SENDERS / 1000));
      while (this.sent < due) socket.emit('op-emit', { to: ['all'] }, name, this.sent++);
      if (this.sent === EACH) this.stop();
    }, TICK_MS);
  }

  stop() {
    clearInterval(this.timer);
    this.took ??= performance.now() - this.began;
  }
}

for (const [adapter, victim] of CASES) {
  test(`load, ${adapter}: a server (${victim}) is killed under ${RATE} broadcasts a second`, { timeout: 120_000 }, async (t) => {
    const redis = await startRedis();
    const options = { adapter, redis: redis.path };
    const servers = await Promise.all([startReference(options), startServer(options), startServer(options)]);
    const streams = [];
    try {
      const sockets = await Promise.all(servers.map((server) => connect(server, 'websocket')));
      const dead = victim === 'official' ? 0 : 2;
      const alive = sockets.filter((_, i) => i !== dead);
      await Promise.all(sockets.map((socket) => socket.emitWithAck('join', 'all')));
      for (const socket of sockets) {
        await until(async () => {
          const [err, list] = await answers(socket, 'side-ask');
          return !err && list.length === servers.length - 1;
        }, 'three servers');
      }
      const found = (socket) => socket.emitWithAck('op-fetch', { to: ['all'] });
      assert.equal((await found(sockets[1])).length, 3);
      // What the dead server had to tell was its own; only what the others send is counted.
      const heard = alive.map((socket) => {
        const lists = alive.map(() => []);
        socket.on('op', (name, n) => lists[name].push(n));
        return lists;
      });
      for (const socket of alive) socket.on('question', (ack) => ack(socket.id));

      alive.forEach((socket, name) => streams.push(new Stream(socket, name)));
      await until(() => streams.every(({ sent }) => sent >= KILL_AT), 'the stream before the kill', PATIENCE_MS);
      const asked = times(sockets[dead], 'question', SENDERS);
      const questions = alive.map(async (socket) => {
        const began = performance.now();
        const [err, list] = await answers(socket, 'op-ask', { to: ['all'], ms: QUESTION_MS });
        return { err, list: list.sort(), took: performance.now() - began };
      });
      // All have been asked, and the dead server's client has not answered, as it never would.
      await asked;
      servers[dead].child.kill('SIGKILL');
      await servers[dead].ended;
      const killed = performance.now();
      const ids = alive.map(({ id }) => id).sort();
      for (const socket of alive) {
        await until(async () => JSON.stringify((await found(socket)).map(({ id }) => id)) === JSON.stringify(ids), 'the sockets of two servers');
      }
      t.diagnostic(`the dead server's socket was found no more after ${Math.round(performance.now() - killed)} ms`);
      for (const { err, list, took } of await Promise.all(questions)) {
        assert.deepEqual([err, list], ['operation has timed out', ids]);
        assert.ok(took >= QUESTION_MS - 50, `answered after ${took} ms`);
        t.diagnostic(`a question limited to ${QUESTION_MS} ms ended after ${Math.round(took)} ms, with the answers of two`);
      }
      await until(() => heard.every((lists) => lists.every((list) => list.length >= EACH)), 'all that was sent', PATIENCE_MS);
      const rate = streams.map(({ took }) => Math.round((1000 * EACH) / took));
      t.diagnostic(`sent: ${rate.join(' + ')} a second`);
      const want = Array.from({ length: EACH }, (_, n) => n);
      heard.forEach((lists, i) => lists.forEach((list, from) => assert.deepEqual(list, want, `client ${i}, from ${from}`)));
    } finally {
      for (const stream of streams) stream.stop();
      await Promise.all(servers.filter(({ child }) => child.exitCode === null && child.signalCode === null).map((server) => server.stop()));
      await redis.stop();
    }
  });
}
