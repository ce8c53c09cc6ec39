// Sessions of the engine, told from the first request to the end, and messages beside those of Socket.IO.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Socket } from 'engine.io-client';
import { MODES, TRANSPORTS } from '../suite/client.mjs';
import { startServer } from '../suite/server.mjs';
import { once, until, within } from '../suite/wait.mjs';

let server;
before(async () => (server = await startServer({ engineEvents: true })));
after(() => server.stop());

for (const mode of MODES) {
  test(`engine events, ${mode}: a session is told before it is in any namespace, and until its end`, async () => {
    const socket = new Socket(server.url, { path: '/socket.io/', transports: TRANSPORTS[mode] });
    const hello = once(socket, 'message');
    await once(socket, 'open');
    const { id } = socket;
    const begun = await server.saw({ event: 'engine-connection', id });
    assert.deepEqual([begun.transport, begun.upgrading], [TRANSPORTS[mode][0], false]);
    assert.deepEqual(await hello, ['hello']);
    if (mode === 'upgrade') {
      await until(() => socket.transport.name === 'websocket', 'upgrade');
      await server.saw({ event: 'engine-upgrading', id });
      const done = await server.saw({ event: 'engine-upgrade', id });
      assert.deepEqual([done.transport, done.upgrading], ['websocket', false]);
    } else {
      assert.deepEqual(server.lines({ event: 'engine-upgrading', id }), []);
    }
    socket.close();
    const { reason, clients } = await within(server.saw({ event: 'engine-close', id }), 'the close');
    assert.deepEqual([reason, clients], ['transport close', 0]);
  });
}
