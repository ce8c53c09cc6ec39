// The heartbeat goes on while both sides live.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { MODES, connect, marker, settled } from '../suite/client.mjs';
import { startServer } from '../suite/server.mjs';
import { gather, times } from '../suite/wait.mjs';

let server;
before(async () => (server = await startServer({ pingInterval: 50, pingTimeout: 10_000 })));
after(() => server.stop());

for (const mode of MODES) {
  test(`heartbeat, ${mode}: pings keep coming and the connection lives`, async () => {
    const socket = await connect(server, mode);
    const { id } = socket;
    await times(socket.io, 'ping', 5);
    await marker(socket);
    assert.equal(socket.id, id);
    assert.equal(socket.io.engine.transport.name, settled(mode));
  });

  test(`heartbeat, ${mode}: pings and events share the line`, async () => {
    const socket = await connect(server, mode);
    const pings = gather(socket.io, 'ping');
    for (let i = 0; pings.length < 3; i++) assert.equal(await socket.emitWithAck('message-with-ack', i), i);
  });
}
