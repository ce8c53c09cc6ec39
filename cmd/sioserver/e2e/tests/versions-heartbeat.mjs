// The heartbeat of version 2, where the client sends the pings, and of version 3, where the server does.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { MODES, connect, marker, settled } from '../suite/client.mjs';
import { profile } from '../suite/profile.mjs';
import { Relay } from '../suite/relay.mjs';
import { startServer } from '../suite/server.mjs';
import { once, times } from '../suite/wait.mjs';

// Short, so that many pings pass in a test; and long enough for a busy machine to answer in time.
const LIVELY = { eio3: true, pingInterval: 50, pingTimeout: 10_000 };
const STRICT = { eio3: true, pingInterval: 800, pingTimeout: 1000 };

let lively;
let strict;
before(async () => ([lively, strict] = await Promise.all([startServer(LIVELY), startServer(STRICT)])));
after(() => Promise.all([lively.stop(), strict.stop()]));

// Runs all transports at once, since each of these waits for timers, and names the one that failed.
function everyMode(run) {
  return Promise.all(
    MODES.map((mode) =>
      run(mode).catch((cause) => {
        throw new Error(`${mode}: ${cause.message}`, { cause });
      }),
    ),
  );
}

for (const mode of MODES) {
  test(`version 2, ${mode}: the client pings, the server answers, the connection lives`, async () => {
    const socket = await connect(lively, mode, { version: 2 });
    const { id } = socket;
    await Promise.all([times(socket, 'ping', 5), times(socket, 'pong', 5)]);
    await marker(socket);
    assert.equal(socket.id, id);
    assert.equal(socket.io.engine.transport.name, settled(mode));
  });

  test(`version 3, ${mode}: the server pings and the connection lives`, async () => {
    const socket = await connect(lively, mode, { version: 3 });
    const { id } = socket;
    // This version says so when it has answered.
    await times(socket.io.engine, 'pong', 5);
    await marker(socket);
    assert.equal(socket.id, id);
  });
}

test('version 2: pings keep a strict server content', () =>
  everyMode(async (mode) => {
    const socket = await connect(strict, mode, { version: 2 });
    const { id } = socket;
    // Longer than interval and timeout together.
    await times(socket, 'pong', 4);
    await marker(socket);
    assert.equal(socket.id, id);
  }));

for (const version of [2, 3]) {
  test(`version ${version}: a client that is not heard is dropped`, () =>
    everyMode(async (mode) => {
      const relay = await Relay.start(strict);
      const socket = await connect(relay, mode, { version });
      const { id } = socket;
      const left = once(socket, 'disconnect');
      relay.deafen('toServer');
      if (version === 2 && mode === 'upgrade' && profile.timeoutAfterUpgradeEIO3 === 'none') {
        // One that began on websocket and fell silent later is dropped, and this one is still there.
        const later = await Relay.start(strict);
        const { id: otherId } = await connect(later, 'websocket', { version });
        later.deafen('toServer');
        assert.equal(await strict.reasonOf(otherId), 'ping timeout');
        assert.deepEqual(strict.lines({ event: 'disconnect', sid: id }), []);
      } else {
        assert.equal(await strict.reasonOf(id), 'ping timeout');
      }
      assert.match((await left)[0], /^(transport (close|error)|ping timeout)$/);
    }));

  test(`version ${version}: a server that is not heard is given up`, () =>
    everyMode(async (mode) => {
      const relay = await Relay.start(strict);
      const socket = await connect(relay, mode, { version });
      const { id } = socket;
      const left = once(socket, 'disconnect');
      relay.deafen('toClient');
      assert.equal((await left)[0], 'ping timeout');
      assert.match(await strict.reasonOf(id), /^(ping timeout|transport close|transport error)$/);
    }));
}
