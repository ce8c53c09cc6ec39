// The heartbeat stops: either side notices when the other is silent.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { MODES, connect, marker } from '../suite/client.mjs';
import { Relay } from '../suite/relay.mjs';
import { startServer } from '../suite/server.mjs';
import { once } from '../suite/wait.mjs';

// The server gives up one interval before the client does: the timeout after a ping, not the interval and the timeout.
// Both leave a busy machine time to catch up.
const TIMES = { pingInterval: 1000, pingTimeout: 1000 };

let server;
before(async () => (server = await startServer(TIMES)));
after(() => server.stop());

// A client that hears pings and does not answer them.
function mute(socket) {
  const { engine } = socket.io;
  const send = engine._sendPacket;
  engine._sendPacket = (type, ...rest) => type === 'pong' || send.call(engine, type, ...rest);
}

for (const mode of MODES) {
  test(`heartbeat, ${mode}: a client that does not answer is dropped`, async () => {
    const socket = await connect(server, mode);
    const { id } = socket;
    const left = once(socket, 'disconnect');
    mute(socket);
    assert.equal(await server.reasonOf(id), 'ping timeout');
    assert.match((await left)[0], /^transport (close|error)$/);
  });

  test(`heartbeat, ${mode}: a client whose bytes do not arrive is dropped`, async () => {
    const relay = await Relay.start(server);
    const socket = await connect(relay, mode);
    const { id } = socket;
    const left = once(socket, 'disconnect');
    relay.deafen('toServer');
    assert.equal(await server.reasonOf(id), 'ping timeout');
    // Over polling the end cannot be told when the next poll was swallowed too: then the client's own timer tells it.
    assert.match((await left)[0], mode === 'polling' ? /^(transport (close|error)|ping timeout)$/ : /^transport close$/);
  });

  test(`heartbeat, ${mode}: a server whose bytes do not arrive is given up`, async () => {
    const relay = await Relay.start(server);
    const socket = await connect(relay, mode);
    const { id } = socket;
    const left = once(socket, 'disconnect');
    relay.deafen('toClient');
    assert.equal((await left)[0], 'ping timeout');
    // Both timers run out at about the same moment; the client's close may reach the server first.
    assert.match(await server.reasonOf(id), /^(ping timeout|transport close|transport error)$/);
  });

  test(`heartbeat, ${mode}: after a silence the client comes back`, async () => {
    const relay = await Relay.start(server);
    const socket = await connect(relay, mode, { reconnection: true, reconnectionDelay: 20, reconnectionDelayMax: 60 });
    const { id } = socket;
    const left = once(socket, 'disconnect');
    relay.deafen('toClient');
    relay.deafen('toServer');
    await left;
    relay.hear();
    if (!socket.connected) await once(socket, 'connect');
    assert.notEqual(socket.id, id);
    await marker(socket);
    assert.match(await server.reasonOf(id), /^(ping timeout|transport close|transport error)$/);
  });
}

test('heartbeat: the dead are not counted among the living', async () => {
  const relay = await Relay.start(server);
  const dead = await connect(relay, 'websocket');
  const living = await connect(server, 'websocket');
  const { id } = dead;
  await dead.emitWithAck('join', 'heartbeat');
  await living.emitWithAck('join', 'heartbeat');
  relay.deafen('toServer');
  await server.reasonOf(id);
  assert.deepEqual(await living.emitWithAck('members', 'heartbeat'), [living.id]);
});
