// Several servers as one: one official server and two under test behind each adapter, every operation from every server.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { answers, connect } from '../suite/client.mjs';
import { startRedis, startRedisCluster } from '../suite/redis.mjs';
import { startReference, startServer } from '../suite/server.mjs';
import { gather, once, until } from '../suite/wait.mjs';

const LONG_MS = 5_000;
const SHORT_MS = 1_000;

const ADAPTERS = ['redis', 'redis-specific', 'redis-sharded', 'redis-streams', 'redis-sharded over a Redis Cluster'];
// What the emitter publishes servers with sharded Pub/Sub do not hear; of the one over streams there is no package.
const emits = (adapter, from) => (adapter === 'redis-streams' ? from > 0 : !adapter.startsWith('redis-sharded'));
// Who asks, and where those are who answer.
const SENDERS = ['official', 'ours', 'ours too'];

const ids = (...sockets) => sockets.map(({ id }) => id).sort();

// Starts the cluster and waits until each server reaches all others.
async function startCluster(name) {
  const [adapter, over] = name.split(' over ');
  const redis = await (over ? startRedisCluster() : startRedis());
  const options = { adapter, redis: redis.path };
  const servers = await Promise.all([startReference(options), startServer(options), startServer(options)]);
  const probes = await Promise.all(servers.map((server) => connect(server, 'websocket')));
  for (const probe of probes) {
    await until(async () => {
      const [err, list] = await answers(probe, 'side-ask');
      return !err && list.length === servers.length - 1;
    }, `${probes.length} servers`);
  }
  for (const probe of probes) probe.disconnect();
  return { redis, servers };
}

let spaces = 0;

for (const adapter of ADAPTERS) {
  describe(`cluster, ${adapter}`, () => {
    let redis, servers;
    before(async () => ({ redis, servers } = await startCluster(adapter)));
    after(async () => {
      await Promise.all(servers.map((server) => server.stop()));
      await redis.stop();
    });

    // Two clients at each server in a namespace of their own; x0, x1, x2 in the room x, all of a server in the room of
    // its number.
    async function six(nsp = '/custom') {
      const list = await Promise.all(
        servers.flatMap((server, i) =>
          ['x', 'y'].map((kind) => connect(server, kind === 'x' ? 'websocket' : 'polling', { nsp, auth: { name: `${kind}${i}` } })),
        ),
      );
      const run = `${++spaces}`;
      await Promise.all(
        list.map(async (socket) => {
          const [kind, i] = socket.auth.name;
          socket.tag = socket.auth.name;
          await socket.emitWithAck('join', `all ${run}`);
          await socket.emitWithAck('join', `server ${i} ${run}`);
          if (kind === 'x') await socket.emitWithAck('join', `x ${run}`);
        }),
      );
      return { list, run, all: `all ${run}`, x: `x ${run}`, server: (i) => `server ${i} ${run}` };
    }

    // Resolves when all have heard a mark that is sent the same way as what came before.
    async function settled(sender, list, room) {
      const heard = list.map((socket) => gather(socket, 'op'));
      sender.emit('op-emit', { to: [room] }, 'mark');
      await until(() => heard.every((h) => h.some(([x]) => x === 'mark')), 'mark at all');
    }

    SENDERS.forEach((name, from) => {
      const sends = (world) => world.list[2 * from];

      test(`cluster, ${adapter}, from ${name}: broadcasts reach whom they are for, once`, async () => {
        const w = await six();
        const a = sends(w);
        const binary = { n: 1, bytes: Buffer.from([1, 2, 3]), list: [Buffer.from('x'), 'é \u2028'], none: null };
        const heard = w.list.map((socket) => gather(socket, 'op'));
        a.emit('op-emit', { to: [w.all] }, 1);
        a.emit('op-emit', { to: [w.x] }, 2, binary);
        a.emit('op-emit', { to: [w.x, w.server(1)] }, 3);
        a.emit('op-emit', { to: [w.all], except: [w.x] }, 4);
        a.emit('op-emit', { to: [w.all], except: [w.server(0), w.list[5].id] }, 5);
        a.emit('op-emit', { from: 'socket', to: [w.all] }, 6);
        a.emit('op-emit', { to: [w.all], local: true }, 7);
        a.emit('op-emit', { to: [w.list[4].id] }, 8);
        a.emit('op-emit', { to: ['nobody at all'] }, 9);
        await settled(a, w.list, w.all);
        const due = (socket, i) => {
          const [kind, at] = [socket.tag[0], Number(socket.tag[1])];
          const want = [[1]];
          if (kind === 'x') want.push([2, binary]);
          if (kind === 'x' || at === 1) want.push([3]);
          if (kind === 'y') want.push([4]);
          if (at !== 0 && i !== 5) want.push([5]);
          if (socket !== a) want.push([6]);
          if (at === from) want.push([7]);
          if (i === 4) want.push([8]);
          return want;
        };
        // Rooms with channels on different nodes have no order among each other.
        await until(() => w.list.every((socket, i) => heard[i].length > due(socket, i).length), 'what is due at all');
        w.list.forEach((socket, i) => {
          // What is for one server only may overtake what waits for Redis.
          const got = heard[i].filter(([x]) => x !== 'mark').sort(([p], [q]) => p - q);
          assert.deepEqual(got, due(socket, i), socket.tag);
        });
      });

      test(`cluster, ${adapter}, from ${name}: many broadcasts keep their order`, async () => {
        const w = await six();
        const heard = w.list.map((socket) => gather(socket, 'op'));
        for (let i = 0; i < 300; i++) sends(w).emit('op-emit', { to: [w.all] }, i);
        await settled(sends(w), w.list, w.all);
        for (const list of heard) assert.deepEqual(list.slice(0, 300).flat(), Array.from({ length: 300 }, (_, i) => i));
      });

      test(`cluster, ${adapter}, from ${name}: volatile`, async () => {
        const w = await six();
        const online = w.list.filter((socket) => socket.tag[0] === 'x');
        const heard = online.map((socket) => once(socket, 'op'));
        sends(w).emit('op-emit', { to: [w.x], volatile: true }, 'now');
        assert.deepEqual(await Promise.all(heard), [['now'], ['now'], ['now']]);
      });

      test(`cluster, ${adapter}, from ${name}: a question to all is answered`, async () => {
        const w = await six();
        for (const socket of w.list) socket.on('question', (x, ack) => ack({ x: x.toString(), by: Buffer.from(socket.tag) }));
        const [err, list] = await answers(sends(w), 'op-ask', { to: [w.all], ms: LONG_MS }, Buffer.from('q'));
        assert.equal(err, null);
        const want = w.list.map(({ tag }) => ({ x: 'q', by: Buffer.from(tag) }));
        const order = (l) => l.sort((p, q) => Buffer.compare(p.by, q.by));
        assert.deepEqual(order(list), order(want));
      });

      test(`cluster, ${adapter}, from ${name}: those who answer in time`, async () => {
        const w = await six();
        w.list.slice(0, -1).forEach((socket) => socket.on('question', (ack) => ack(socket.tag)));
        const [err, list] = await answers(sends(w), 'op-ask', { to: [w.all], ms: SHORT_MS });
        assert.deepEqual([err, list.sort()], ['operation has timed out', ['x0', 'x1', 'x2', 'y0', 'y1']]);
      });

      test(`cluster, ${adapter}, from ${name}: sockets of all servers are found`, async () => {
        const w = await six();
        await Promise.all(w.list.map((socket) => socket.emitWithAck('remember', { of: socket.tag })));
        const found = await sends(w).emitWithAck('op-fetch', { to: [w.all] });
        const want = w.list.map((socket) => ({
          id: socket.id,
          rooms: [socket.id, w.all, w.server(socket.tag[1]), ...(socket.tag[0] === 'x' ? [w.x] : [])].sort(),
          value: { of: socket.tag },
          auth: { name: socket.tag },
        }));
        assert.deepEqual(found, want.sort((p, q) => (p.id < q.id ? -1 : 1)));
        const some = await sends(w).emitWithAck('op-fetch', { to: [w.all], except: [w.x, w.list[1].id] });
        assert.deepEqual(some.map(({ id }) => id), ids(w.list[3], w.list[5]));
      });

      test(`cluster, ${adapter}, from ${name}: others join, leave and end`, async () => {
        const w = await six();
        const a = sends(w);
        const members = async (room) => (await a.emitWithAck('op-fetch', { to: [room] })).map(({ id }) => id);
        const become = async (room, ...sockets) => {
          await until(async () => JSON.stringify(await members(room)) === JSON.stringify(ids(...sockets)), `${room} holds ${sockets.length}`);
        };
        const [p, q] = [`p ${w.run}`, `q ${w.run}`];
        await a.emitWithAck('op-join', { to: [w.x] }, [p, q]);
        await become(p, w.list[0], w.list[2], w.list[4]);
        await become(q, w.list[0], w.list[2], w.list[4]);
        await a.emitWithAck('op-leave', { to: [p], except: [w.server(1)] }, [p]);
        await become(p, w.list[2]);
        await a.emitWithAck('found-move', w.list[3].id, w.server(1), p);
        await become(p, w.list[2], w.list[3]);
        const others = w.list.filter((socket) => socket.tag[0] === 'y' && socket !== a);
        const ends = others.map((socket) => once(socket, 'disconnect'));
        a.emit('op-disconnect', { to: [w.all], except: [w.x, a.id] }, true);
        for (const [reason] of await Promise.all(ends)) assert.equal(reason, 'io server disconnect');
        await become(w.all, ...w.list.filter((socket) => !others.includes(socket)));
      });

      test(`cluster, ${adapter}, from ${name}: one that was found is asked and emitted to`, async () => {
        const w = await six();
        for (const other of [w.list[1], w.list[3], w.list[5]]) {
          other.once('question', (x, ack) => ack([x, other.tag]));
          assert.deepEqual(await answers(sends(w), 'found-ask', other.id, LONG_MS, 'q'), [null, ['q', other.tag]]);
          const heard = once(other, 'found');
          sends(w).emit('found-emit', other.id, 'you', Buffer.from('b'));
          assert.deepEqual(await heard, ['you', Buffer.from('b')]);
        }
      });

      test(`cluster, ${adapter}, from ${name}: servers talk to each other`, async () => {
        const a = await connect(servers[from], 'websocket');
        const mark = `side ${++spaces}`;
        await a.emitWithAck('side', mark, { n: [1, null] });
        const others = servers.filter((_, i) => i !== from);
        await Promise.all(others.map((server) => server.saw({ event: 'side', args: [mark, { n: [1, null] }] })));
        assert.deepEqual(servers[from].lines({ event: 'side', args: [mark, { n: [1, null] }] }), []);
        const [err, list] = await answers(a, 'side-ask', mark, 7);
        assert.deepEqual([err, list], [null, [[mark, 7], [mark, 7]]]);
      });

      if (!emits(adapter, from)) return;
      test(`cluster, ${adapter}, from ${name}: a process that is no server`, async () => {
        const w = await six();
        const a = sends(w);
        const heard = w.list.map((socket) => gather(socket, 'op'));
        a.emit('emitter-emit', { to: [w.all] }, 1, Buffer.from('bin'));
        a.emit('emitter-emit', { to: [w.x], except: [w.server(2)] }, { two: [2] });
        a.emit('emitter-emit', { to: [w.all] }, 'mark');
        await until(() => heard.every((h) => h.some(([x]) => x === 'mark')), 'mark at all');
        w.list.forEach((socket, i) => {
          const two = socket.tag[0] === 'x' && socket.tag[1] !== '2';
          const want = [[1, Buffer.from('bin')], ...(two ? [[{ two: [2] }]] : []), ['mark']];
          assert.deepEqual(heard[i], want, socket.tag);
        });
        const room = `outside ${w.run}`;
        await a.emitWithAck('emitter-join', { to: [w.x] }, [room]);
        const in3 = async (n) => (await a.emitWithAck('op-fetch', { to: [room] })).length === n;
        await until(() => in3(3), 'three join');
        await a.emitWithAck('emitter-leave', { to: [w.server(0)] }, [room]);
        await until(() => in3(2), 'one leaves');
        const end = once(w.list[3], 'disconnect');
        a.emit('emitter-disconnect', { to: [w.list[3].id] }, false);
        assert.deepEqual((await end)[0], 'io server disconnect');
        const mark = `emitter ${w.run}`;
        await (await connect(servers[from], 'websocket')).emitWithAck('emitter-side', mark);
        await Promise.all(servers.map((server) => server.saw({ event: 'side', args: [mark] })));
      });
    });
  });
}
