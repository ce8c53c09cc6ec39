// The server goes away and comes back on the same port: clients reconnect by themselves and work.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MODES, client, connect, connected, marker, settled, share, upgraded } from '../suite/client.mjs';
import { Relay } from '../suite/relay.mjs';
import { startServer } from '../suite/server.mjs';
import { gather, once, until } from '../suite/wait.mjs';

const PATIENT = { reconnection: true, reconnectionDelay: 20, reconnectionDelayMax: 60, randomizationFactor: 0.5 };

// Quick enough to notice a vanished client within a test, slow enough for a busy machine.
const HEARTBEAT = { pingInterval: 1000, pingTimeout: 2000 };

// A server of its own for each test, since the test ends it.
async function withServer(run, options) {
  const server = await startServer(options);
  try {
    await run(server);
  } finally {
    await server.stop();
  }
}

for (const mode of MODES) {
  for (const signal of ['SIGTERM', 'SIGKILL']) {
    test(`reconnect, ${mode}: after ${signal} and a new start`, () =>
      withServer(async (server) => {
        const socket = await connect(server, mode, PATIENT);
        const chat = share(socket, '/chat');
        await connected(chat);
        const ids = [socket.id, chat.id];
        const left = once(socket, 'disconnect');
        await server.stop(signal);
        const [reason] = await left;
        assert.match(reason, /^transport (close|error)$/);

        // What is emitted meanwhile waits for the new connection.
        const back = gather(socket, 'message-back');
        socket.emit('message', 'kept');
        await once(socket.io, 'reconnect_error');

        const again = Promise.all([once(socket, 'connect'), once(chat, 'connect'), once(socket.io, 'reconnect')]);
        await server.start();
        await again;
        if (mode === 'upgrade') await upgraded(socket);
        assert.equal(socket.io.engine.transport.name, settled(mode));
        assert.equal(ids.includes(socket.id) || ids.includes(chat.id), false);
        await marker(socket);
        await marker(chat);
        assert.deepEqual(back, [['kept']]);
        assert.ok(!socket.recovered);
      }));
  }

  test(`reconnect, ${mode}: after the network dropped every connection`, () =>
    withServer(async (server) => {
      const relay = await Relay.start(server);
      const socket = await connect(relay, mode, PATIENT);
      const { id } = socket;
      const left = once(socket, 'disconnect');
      const again = once(socket, 'connect');
      relay.down();
      assert.match((await left)[0], /^transport (close|error)$/);
      await once(socket.io, 'reconnect_error');
      relay.up();
      await again;
      assert.notEqual(socket.id, id);
      await marker(socket);
      // Between two polls there is no connection the server could see dying: then the heartbeat tells.
      assert.match(await server.reasonOf(id), /^(transport close|transport error|ping timeout)$/);
    }, HEARTBEAT));

  test(`reconnect, ${mode}: not after the server said to go`, () =>
    withServer(async (server) => {
      const socket = await connect(server, mode, PATIENT);
      const attempts = gather(socket.io, 'reconnect_attempt');
      const left = once(socket, 'disconnect');
      socket.emit('kick', false);
      assert.equal((await left)[0], 'io server disconnect');
      assert.equal(socket.active, false);
      // Coming back is the client's own decision.
      socket.connect();
      await connected(socket);
      await marker(socket);
      assert.deepEqual(attempts, []);
    }));

  test(`reconnect, ${mode}: rooms and data of the old connection are gone`, () =>
    withServer(async (server) => {
      const socket = await connect(server, mode, { ...PATIENT, auth: { who: mode } });
      await socket.emitWithAck('join', 'room');
      const old = socket.id;
      const again = once(socket, 'connect');
      socket.io.engine.close();
      await again;
      await server.reasonOf(old);
      assert.deepEqual(await socket.emitWithAck('rooms'), [socket.id]);
      assert.deepEqual(await socket.emitWithAck('members', 'room'), []);
      assert.deepEqual((await socket.emitWithAck('handshake')).auth, { who: mode });
    }));
}

test('reconnect: a client that came first finds the server later', () =>
  withServer(async (server) => {
    await server.stop();
    const socket = client(server, 'upgrade', PATIENT);
    await once(socket, 'connect_error');
    await server.start();
    await once(socket, 'connect');
    await upgraded(socket);
    await marker(socket);
  }));

test('reconnect: many clients at once after a restart', () =>
  withServer(async (server) => {
    const clients = await Promise.all(
      Array.from({ length: 60 }, (_, i) => connect(server, MODES[i % MODES.length], PATIENT)),
    );
    const again = Promise.all(clients.map((socket) => once(socket, 'connect')));
    await server.restart('SIGKILL');
    await again;
    await Promise.all(clients.map(marker));
    const room = 'after the restart';
    await Promise.all(clients.map((socket) => socket.emitWithAck('join', room)));
    const heard = clients.map((socket) => gather(socket, 'room'));
    clients[0].emit('room', room, 'all back');
    await until(() => heard.every((list) => list.length === 1), 'broadcast at all clients');
  }));
