// Behind a proxy that says who the client is, in fields of HTTP or by the PROXY protocol: see proxy/behind.mjs.

import assert from 'node:assert/strict';
import { Agent } from 'node:http';
import { after, before, test } from 'node:test';
import { MODES, connect } from '../suite/client.mjs';
import { startServer } from '../suite/server.mjs';

// On loopback, and neither the server's address nor the proxy's.
const HERE = '127.0.0.77';

let server;
before(async () => (server = await startServer()));
after(() => server.stop());

for (const mode of MODES) {
  test(`proxied, ${mode}: the address of the handshake is the client's`, async () => {
    const agent = new Agent({ localAddress: HERE });
    const socket = await connect(server, mode, { agent, localAddress: HERE });
    const { address } = await socket.emitWithAck('handshake');
    assert.equal(address, HERE);
    agent.destroy();
  });

  test(`proxied, ${mode}: a client cannot say that it is somebody else`, async () => {
    const extraHeaders = { 'X-Forwarded-For': '192.0.2.7' };
    const socket = await connect(server, mode, { extraHeaders });
    const { address } = await socket.emitWithAck('handshake');
    assert.equal(address, '127.0.0.1');
  });
}
