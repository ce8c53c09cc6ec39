// Options of the server, seen by official clients: path, transports, upgrades, the first packet, who is let in.

import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { Socket } from 'engine.io-client';
import { MODES, client, connect, connected, marker, settled } from '../suite/client.mjs';
import { profile } from '../suite/profile.mjs';
import { Polling, RawWebSocket, endWebSockets, packets, request } from '../suite/raw.mjs';
import { startServer } from '../suite/server.mjs';
import { once } from '../suite/wait.mjs';

afterEach(endWebSockets);

const POLLING = { EIO: '4', transport: 'polling' };

// A test with a server of its own.
function withServer(name, flags, run) {
  test(`options, ${name}`, async () => {
    const server = await startServer(flags);
    try {
      await run(server);
    } finally {
      await server.stop();
    }
  });
}

withServer('path: a path of its own', { path: '/my/path' }, async (server) => {
  for (const mode of MODES) {
    const socket = await connect(server, mode, { path: '/my/path/' });
    assert.equal(await socket.emitWithAck('transport'), settled(mode));
    socket.disconnect();
  }
  assert.equal((await request(server, POLLING)).status, 404);
  assert.equal((await request(server, POLLING, { path: '/my/pathology/' })).status, 404);
  await once(client(server, 'websocket'), 'connect_error');
});

withServer('path: a slash at its end changes nothing', { path: '/my/path/' }, async (server) => {
  for (const mode of MODES) await marker(await connect(server, mode, { path: '/my/path' }));
});

withServer('path: with the slash, requests without it are not for the engine', {}, async (server) => {
  assert.equal((await request(server, POLLING, { path: '/socket.io' })).status, 404);
});

withServer('addTrailingSlash: without the slash', { path: '/my', addTrailingSlash: false }, async (server) => {
  for (const mode of MODES) {
    const socket = await connect(server, mode, { path: '/my', addTrailingSlash: false });
    assert.equal(await socket.emitWithAck('transport'), settled(mode));
    assert.equal(socket.io.engine.transport.opts.addTrailingSlash, false);
  }
  assert.equal((await request(server, POLLING, { path: '/my' })).status, 200);
});

withServer('allowUpgrades: none is offered', { allowUpgrades: false }, async (server) => {
  const { handshake } = await Polling.open(server);
  assert.deepEqual(handshake.upgrades, []);
  const socket = client(server, 'upgrade');
  await connected(socket);
  // Were there an upgrade to come, the client would have begun it before its first event.
  for (let i = 0; i < 5; i++) await marker(socket);
  assert.equal(await socket.emitWithAck('transport'), 'polling');
  assert.equal(socket.io.engine.transport.name, 'polling');
  assert.equal(await (await connect(server, 'websocket')).emitWithAck('transport'), 'websocket');
});

withServer('transports: polling only', { transports: 'polling' }, async (server) => {
  const { handshake } = await Polling.open(server);
  assert.deepEqual(handshake.upgrades, []);
  const socket = client(server, 'upgrade');
  await connected(socket);
  assert.equal(await socket.emitWithAck('transport'), 'polling');
  await once(client(server, 'websocket'), 'connect_error');
  const refusal = await new RawWebSocket(server).refusal();
  assert.equal(refusal.status, 400);
  assert.ok(refusal.body.includes('Transport unknown'), refusal.body);
});

withServer('transports: websocket only', { transports: 'websocket' }, async (server) => {
  await marker(await connect(server, 'websocket'));
  const res = await request(server, POLLING);
  assert.deepEqual([res.status, JSON.parse(res.body)], [400, { code: 0, message: 'Transport unknown' }]);
  await once(client(server, 'polling'), 'connect_error');
  // This client goes on with the next transport when told to try them all.
  const socket = client(server, 'upgrade', { tryAllTransports: true });
  await connected(socket);
  assert.equal(await socket.emitWithAck('transport'), 'websocket');
});

withServer('initialPacket: the first message of every session', { initialPacket: 'welcome' }, async (server) => {
  const { body } = await request(server, POLLING);
  const [open, first] = packets(body);
  assert.equal(open[0], '0');
  assert.equal(first, '4welcome');
  const raw = await RawWebSocket.open(server);
  assert.equal(await raw.next(), '4welcome');
  for (const mode of ['polling', 'websocket']) {
    const socket = new Socket(server.url, { path: '/socket.io/', transports: [mode] });
    assert.deepEqual(await once(socket, 'message'), ['welcome']);
    socket.close();
  }
});

withServer('allowRequest: some are denied, with a text', { denyQuery: 'deny=yes' }, async (server) => {
  const denied = { code: 4, message: 'Denied by query' };
  const res = await request(server, { ...POLLING, deny: 'yes' });
  assert.deepEqual([res.status, JSON.parse(res.body)], [403, denied]);
  await server.saw({ event: 'connection_error', code: 4, message: 'Forbidden', context: { message: denied.message } });

  const polling = client(server, 'polling', { query: { deny: 'yes' } });
  const [error] = await once(polling, 'connect_error');
  assert.equal(error.description, 403);
  await once(client(server, 'websocket', { query: { deny: 'yes' } }), 'connect_error');
  const raw = new RawWebSocket(server, { EIO: '4', transport: 'websocket', deny: 'yes' });
  const refusal = await raw.refusal();
  assert.ok([400, 403].includes(refusal.status), `${refusal.status}`);
  assert.ok(refusal.body.includes(denied.message), refusal.body);

  for (const mode of MODES) await marker(await connect(server, mode, { query: { deny: 'no' } }));
  // Only the request that opens a session is asked about.
  const session = await Polling.open(server);
  assert.equal((await request(server, { ...session.params, deny: 'yes' }, { method: 'POST', body: '40' })).status, 200);
});

withServer('allowRequest: a client of another protocol', { denyQuery: 'deny=yes' }, async (server) => {
  const { status } = await request(server, { transport: 'polling', EIO: '3', deny: 'yes' });
  assert.equal(status, profile.deniedOtherProtocol);
  assert.equal((await request(server, { transport: 'polling', EIO: '3' })).status, 400);
});
