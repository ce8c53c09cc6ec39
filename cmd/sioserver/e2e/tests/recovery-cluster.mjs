// Recovery across servers: one official server and two under test over a Redis stream, a client goes from each to each.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { connect, connected, marker } from '../suite/client.mjs';
import { startRedis } from '../suite/redis.mjs';
import { startReference, startServer } from '../suite/server.mjs';
import { gather, once, until } from '../suite/wait.mjs';

const NAMES = ['official', 'ours', 'ours too'];
const SESSION = 'sio:session:';

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

test('recovery in a cluster: refused when the stream was cut', async () => {
  const socket = await connect(servers[1], 'websocket');
  await marker(socket);
  const { id } = socket;
  await leave(socket, servers[1]);
  // Servers answer from their own memory as far as that goes back.
  const late = await startServer({ adapter: 'redis-streams', redis: redis.path, recovery: 60_000 });
  try {
    await redis.ask('XTRIM', 'socket.io', 'MAXLEN', '0');
    await enter(socket, late);
    assert.equal(socket.recovered, false);
    assert.notEqual(socket.id, id);
  } finally {
    await late.stop();
  }
});
