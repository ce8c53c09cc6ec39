// The example of autocert: official clients over a port whose certificate an authority issues when the first of them comes.

import assert from 'node:assert/strict';
import https from 'node:https';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Authority } from '../suite/authority.mjs';
import { MODES, client, connected, upgraded } from '../suite/client.mjs';
import { startExample } from '../suite/server.mjs';
import { until } from '../suite/wait.mjs';

const HOST = 'chat.example.com';

const listens = (server) =>
  until(
    () =>
      new Promise((resolve) => {
        const conn = createConnection(server.port, '127.0.0.1', () => resolve(conn.destroy()));
        conn.once('error', () => resolve(false));
      }),
    'a port that listens',
  );

test('examples, autocert: a certificate is issued once, and kept over a restart', { timeout: 120_000 }, async () => {
  let server;
  const authority = await Authority.start(() => server.port);
  const dir = mkdtempSync(join(tmpdir(), 'sio-autocert-'));
  Object.assign(process.env, { ACME_DIRECTORY: `${authority.url}/directory`, CERTIFICATES: dir, HOST_NAME: HOST });
  const agent = (options) => new https.Agent({ ca: authority.root, lookup: (_, o, f) => (o.all ? f(null, [{ address: '127.0.0.1', family: 4 }]) : f(null, '127.0.0.1', 4)), ...options });
  const trusting = agent();
  const reach = async (mode, at = HOST, by = trusting) => {
    const socket = client({ url: `https://${at}:${server.port}` }, mode, { agent: by });
    await connected(socket);
    if (mode === 'upgrade') await upgraded(socket);
    assert.equal(await socket.emitWithAck('am I safe', null), true, mode);
    socket.disconnect();
  };
  try {
    server = await startExample('autocert', listens);
    // All at once: one order has to do.
    await Promise.all(MODES.map((mode) => reach(mode)));
    assert.deepEqual(authority.issued, [HOST]);
    assert.ok(readdirSync(dir).includes(HOST), `in the cache: ${readdirSync(dir)}`);
    // Who trusts somebody else does not get in, and for other names nothing is asked.
    await assert.rejects(reach('websocket', HOST, agent({ ca: [] })));
    await assert.rejects(reach('websocket', 'other.example.com'));
    await server.restart('SIGTERM');
    await reach('websocket');
    assert.deepEqual(authority.issued, [HOST]);
  } finally {
    await server?.stop();
    trusting.destroy();
    authority.stop();
    rmSync(dir, { recursive: true });
  }
});
