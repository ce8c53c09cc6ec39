// Two servers of one cluster behind one balancer, with the recipes of docs/deploy/balancers: official clients over polling,
// websocket and the upgrade, none of which knows of it.

import assert from 'node:assert/strict';
import { Agent } from 'node:http';
import { after, before, describe, test } from 'node:test';
import { client, connect, connected, MODES } from '../suite/client.mjs';
import { startBalancer } from '../proxy/balancer.mjs';
import { startRedis } from '../suite/redis.mjs';
import { startServer } from '../suite/server.mjs';
import { gather, once, until } from '../suite/wait.mjs';

const CLIENTS = 12;
const ROUNDS = 10;

// What clients bring along: addresses of their own, cookies, or nothing.
const RECIPES = {
  'nginx.conf': { clients: (i) => ({ agent: new Agent({ keepAlive: true, localAddress: `127.0.1.${i + 1}` }) }) },
  'nginx-cookie.conf': { clients: () => ({ withCredentials: true }) },
  'haproxy.cfg': { clients: () => ({}) },
};

async function startPair() {
  const redis = await startRedis();
  const options = { adapter: 'redis', redis: redis.path, cookie: 'io' };
  const servers = await Promise.all([startServer(options), startServer(options)]);
  return { redis, servers };
}

for (const [recipe, { clients }] of Object.entries(RECIPES)) {
  describe(`balanced, ${recipe}`, () => {
    let redis, servers, balancer;
    before(async () => {
      ({ redis, servers } = await startPair());
      balancer = await startBalancer(recipe, servers);
    });
    after(async () => {
      await balancer.stop();
      await servers[0].stop(); // the other was killed by the last test
      await redis.stop();
    });

    for (const mode of MODES) {
      test(`balanced, ${recipe}: ${mode}`, async () => {
        const begun = servers.map((server) => server.lines({ event: 'connect' }).length);
        const list = await Promise.all(Array.from({ length: CLIENTS }, (_, i) => connect(balancer, mode, clients(i))));
        await until(() => servers.every((server, i) => server.lines({ event: 'connect' }).length > begun[i]), 'clients on both servers');
        const ended = list.map((socket) => gather(socket, 'disconnect'));
        // Requests of a session go to one server, or its second one would be refused.
        for (let round = 0; round < ROUNDS; round++) {
          const answers = await Promise.all(list.map((socket, i) => socket.emitWithAck('message-with-ack', round, i, Buffer.from([i]))));
          answers.forEach((answer, i) => assert.equal(answer, round, `client ${i}`));
        }
        // And the servers are one.
        const heard = list.map((socket) => once(socket, 'bcast'));
        list[0].emit('bcast', mode);
        for (const args of await Promise.all(heard)) assert.deepEqual(args, [mode]);
        assert.deepEqual(ended, list.map(() => []));
      });
    }

    test(`balanced, ${recipe}: a server goes, and its clients come back on the other`, async () => {
      const list = await Promise.all(
        Array.from({ length: CLIENTS }, (_, i) => connect(balancer, 'upgrade', { ...clients(i), reconnection: true, reconnectionDelay: 50 })),
      );
      await until(() => servers.every((server) => server.lines({ event: 'connect' }).length > 0), 'clients on both servers');
      const ids = list.map(({ id }) => id);
      const theirs = list.filter(({ id }) => servers[1].lines({ event: 'connect', sid: id }).length > 0);
      const back = theirs.map((socket) => once(socket, 'connect'));
      await servers[1].stop('SIGKILL');
      await Promise.all(back);
      list.forEach((socket, i) => assert.equal(socket.id !== ids[i], theirs.includes(socket), `client ${i}`));
      for (const socket of list) await servers[0].saw({ event: 'connect', sid: socket.id });
    });
  });
}

test('balanced: without what keeps a session at its server polling fails, so that the tests above can', async () => {
  const { redis, servers } = await startPair();
  const balancer = await startBalancer('haproxy.cfg', servers, (text) => text.replace(/^ {2}stick.*$/gm, '').replace('leastconn', 'roundrobin'));
  try {
    await assert.rejects(connected(client(balancer, 'polling')));
  } finally {
    await balancer.stop();
    await Promise.all(servers.map((server) => server.stop()));
    await redis.stop();
  }
});
