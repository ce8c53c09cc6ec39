// Recovery across servers: one official server and two under test over a Redis stream, a client goes from each to each.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { connect, connected, marker } from '../suite/client.mjs';
import { startRedis } from '../suite/redis.mjs';
import { startReference, startServer } from '../suite/server.mjs';
import { gather, once, until } from '../suite/wait.mjs';

const NAMES = ['official', 'ours', 'ours too'];
const SESSION = 'sio:session:';
const ASLEEP_MS = 4_000;

let redis, servers;
before(async () => {
  redis = await startRedis();
  const options = { adapter: 'redis-streams', redis: redis.path, recovery: 60_000 };
  servers = await Promise.all([startReference(options), startServer(options), startServer(options)]);
  const probes = await Promise.all(servers.map((server) => connect(server, 'websocket')));
  const heard = probes.map((probe) => gather(probe, 'bcast'));
  for (const [i, probe] of probes.entries()) {
    await until(() => {
      probe.emit('bcast', i);
      return heard.every((list) => list.some(([from]) => from === i));
    }, `what server ${i} sends at all`);
  }
  for (const probe of probes) probe.disconnect();
});
after(async () => {
  await Promise.all(servers.map((server) => server.stop()));
  await redis.stop();
});

// Cuts a client off and waits until the servers may be asked for it.
async function leave(socket, server) {
  const { id } = socket;
  socket.io.engine.close();
  await server.saw({ event: 'disconnect', sid: id });
  const key = SESSION + socket._pid;
  await until(async () => (await redis.ask('EXISTS', key)) === ':1', 'the session in Redis');
}

// Lets a client go to another server.
async function enter(socket, server) {
  socket.io.uri = server.url;
  socket.connect();
  await connected(socket);
}

for (const [from, home] of NAMES.entries()) {
  for (const [to, other] of NAMES.entries()) {
    const mode = (from + to) % 2 ? 'websocket' : 'polling';
    test(`recovery in a cluster, ${mode}: from ${home} to ${other}`, async () => {
      const nsp = '/custom';
      const [socket, ...senders] = await Promise.all([
        connect(servers[from], mode, { nsp }),
        ...servers.map((server) => connect(server, 'websocket', { nsp })),
      ]);
      const { id } = socket;
      const room = `room of ${id}`;
      await socket.emitWithAck('join', room);
      await socket.emitWithAck('join', `${room} too`);
      await socket.emitWithAck('remember', { of: id, list: [1, null] });
      const heard = gather(socket, 'room');
      const union = gather(socket, 'union');
      // Each is with Redis before the next one is sent: what a server sends to itself comes back that way.
      let n = 0;
      const say = async (event, target, ...more) => {
        const sender = senders[n % senders.length];
        const seen = once(sender, 'room');
        sender.emit(event, target, ...more, ++n);
        sender.emit('room', sender.id, 'sent');
        await seen;
      };
      for (let i = 0; i < 3; i++) await say('room', room, Buffer.from('b'));
      await until(() => heard.length === 3, 'three events');

      await leave(socket, servers[from]);
      const missed = n;
      for (let i = 0; i < 3; i++) await say('room', room, { bytes: [Buffer.from([1, 2])], text: 'é\u2028"' });
      await say('room', 'another room', 0);
      await say('room-except', room, `${room} too`, 0);
      await say('room', id, 0);
      for (let i = 0; i < 3; i++) await say('union', [room, `${room} too`, 'another room'], 0);

      await enter(socket, servers[to]);
      assert.deepEqual([socket.recovered, socket.id], [true, id]);
      await say('room', room, 'after');
      await until(() => heard.at(-1)?.includes(n), 'the event behind the recovery');
      const number = ([, , x], at) => x ?? at;
      assert.deepEqual(heard.map(number), [1, 2, 3, missed + 1, missed + 2, missed + 3, missed + 6, n]);
      assert.deepEqual(union.map((list) => list[1]), [missed + 7, missed + 8, missed + 9]);
      assert.deepEqual(heard[3][1], { bytes: [Buffer.from([1, 2])], text: 'é\u2028"' });
      assert.deepEqual(await socket.emitWithAck('state'), {
        recovered: true,
        value: { of: id, list: [1, null] },
        rooms: [id, room, `${room} too`].sort(),
      });
      await servers[to].saw({ event: 'connect', sid: id, recovered: true });
      // Its session is used up, and it can leave once more.
      assert.equal(await redis.ask('EXISTS', SESSION + socket._pid), ':0');
      await leave(socket, servers[to]);
      await say('room', room, 'again');
      await enter(socket, servers[from]);
      assert.deepEqual([socket.recovered, socket.id], [true, id]);
      await until(() => heard.at(-1)?.includes(n), 'the event in between');
      assert.equal(heard.length, 9);
    });
  }
}

test('recovery in a cluster: by a server that is new, out of the stream, until that is cut', async () => {
  const senders = await Promise.all(servers.map((server) => connect(server, 'websocket')));
  const clients = await Promise.all(servers.map((server) => connect(server, 'websocket')));
  for (const socket of clients) await socket.emitWithAck('join', 'stream');
  await Promise.all(clients.map((socket) => once(socket, 'room').then(([room]) => room), senders[0].emit('room', 'stream', 0)));
  const ids = clients.map(({ id }) => id);
  const heard = clients.map((socket) => gather(socket, 'room'));
  await Promise.all(clients.map((socket, i) => leave(socket, servers[i])));
  const bytes = Buffer.from([0, 255, 1]);
  for (let n = 1; n <= 30; n++) {
    const sender = senders[n % 3];
    const seen = once(sender, 'room');
    sender.emit('room', n % 10 ? 'stream' : 'another', n, { bytes, n: [1.5, null] });
    sender.emit('room', sender.id, 'sent');
    await seen;
  }
  const options = { adapter: 'redis-streams', redis: redis.path, recovery: 60_000 };
  const late = await startServer(options);
  const want = Array.from({ length: 30 }, (_, i) => i + 1).filter((n) => n % 10);
  try {
    for (const [i, socket] of clients.entries()) {
      await enter(socket, late);
      assert.deepEqual([socket.recovered, socket.id], [true, ids[i]]);
      await marker(socket);
      assert.deepEqual(heard[i].map(([, n]) => n), want, NAMES[i]);
      assert.deepEqual(heard[i][3][2], { bytes, n: [1.5, null] });
    }
    await leave(clients[0], late);
    await redis.ask('XTRIM', 'socket.io', 'MAXLEN', '0');
    // The one that has seen the stream remembers; one that begins now does not.
    const later = await startServer(options);
    try {
      await enter(clients[0], later);
      assert.equal(clients[0].recovered, false);
      assert.notEqual(clients[0].id, ids[0]);
    } finally {
      await later.stop();
    }
  } finally {
    await late.stop();
  }
});

test('recovery in a cluster: Redis says nothing for longer than anybody waits', async () => {
  const sockets = await Promise.all(servers.flatMap((server) => [connect(server, 'websocket'), connect(server, 'polling')]));
  const [, , cut] = sockets;
  for (const socket of sockets) await socket.emitWithAck('join', 'asleep');
  const heard = sockets.map((socket) => gather(socket, 'room'));
  const at = (i, list) => list.filter(([, from]) => from === i).map(([, , n]) => n);
  const say = (i, n) => sockets[2 * i].emit('room', 'asleep', i, n);
  const upTo = (n) => Array.from({ length: n }, (_, k) => k + 1);
  for (const i of [0, 1, 2]) say(i, 1);
  await until(() => heard.every((list) => list.length === 3), 'one event of each');
  redis.sleep();
  try {
    for (const n of [2, 3, 4]) for (const i of [0, 1, 2]) say(i, n);
    // The rooms of our servers go on, without the others.
    await until(() => [1, 2].every((i) => [2 * i, 2 * i + 1].every((k) => at(i, heard[k]).length === 4)), 'what this server sent');
    await until(() => servers[1].child.exitCode === null && at(1, heard[0]).length === 1, 'nothing elsewhere');
    // Long enough for connections to Redis to be given up, which is the matter of this test.
    const end = performance.now() + ASLEEP_MS;
    await until(() => performance.now() > end, 'the end of the silence');
  } finally {
    redis.wake();
  }
  await until(() => heard.every((list) => list.length >= 12), 'all events at all');
  for (const i of [0, 1, 2]) say(i, 5);
  await until(() => heard.every((list) => list.length >= 15), 'what is sent afterwards');
  for (const list of heard) for (const i of [0, 1, 2]) assert.deepEqual(at(i, list), upTo(5));
  // And recovery is as before.
  const { id } = cut;
  await leave(cut, servers[1]);
  for (const i of [0, 2]) say(i, 6);
  await until(() => [0, 4].every((k) => heard[k].length === 17), 'what the others get');
  await enter(cut, servers[2]);
  assert.deepEqual([cut.recovered, cut.id], [true, id]);
  await until(() => heard[2].length === 17, 'what was missed');
});
