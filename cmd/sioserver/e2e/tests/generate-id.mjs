// Ids of sessions that the application makes: official clients over the three transports, and who has none.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { MODES, client, connect, marker, settled } from '../suite/client.mjs';
import { Polling, request } from '../suite/raw.mjs';
import { startServer } from '../suite/server.mjs';
import { once, until } from '../suite/wait.mjs';

let server;
before(async () => (server = await startServer({ generateId: 'wish', cookie: 'io', eio3: true })));
after(() => server.stop());

for (const mode of MODES) {
  for (const version of [3, 4]) {
    test(`generateId, ${mode}, version ${version}: the session has the id that the application made`, async () => {
      const wish = `user-${version}.${mode}`;
      const socket = await connect(server, mode, { version, query: { wish } });
      assert.equal(socket.io.engine.id, wish);
      assert.equal(socket.id.length, 20);
      assert.equal(await socket.emitWithAck('transport'), settled(mode));
      for (let i = 0; i < 20; i++) await marker(socket);
      socket.disconnect();
    });
  }

  test(`generateId, ${mode}: a client of version 2 makes its own ids of it`, async () => {
    const wish = `old-${mode}`;
    const socket = await connect(server, mode, { version: 2, query: { wish }, nsp: '/chat' });
    assert.equal(socket.id, `/chat#${wish}`);
    await server.saw({ event: 'connect', nsp: '/', sid: wish });
    await server.saw({ event: 'connect', nsp: '/chat', sid: socket.id });
    assert.deepEqual(await socket.emitWithAck('rooms'), [socket.id]);
    await socket.emitWithAck('join', 'both');
    const other = await connect(server, mode, { nsp: '/chat', query: { wish: `new-${mode}` } });
    const heard = once(socket, 'op');
    other.emit('op-emit', { to: [socket.id] }, 'for you');
    assert.deepEqual(await heard, ['for you']);
    assert.deepEqual(await other.emitWithAck('members', 'both'), [socket.id]);
    socket.disconnect();
    other.disconnect();
  });
}

test('generateId: the cookie has it too', async () => {
  const { headers } = await request(server, { EIO: '4', transport: 'polling', wish: 'for-the-cookie' });
  assert.match(headers.get('set-cookie'), /^io=for-the-cookie;/);
});

test('generateId: without an id nobody gets in', async () => {
  const res = await request(server, { EIO: '4', transport: 'polling' });
  assert.deepEqual([res.status, JSON.parse(res.body)], [400, { code: 3, message: 'Bad request' }]);
  for (const mode of ['polling', 'websocket']) await once(client(server, mode), 'connect_error');
  const context = { name: 'ID_GENERATION_ERROR' };
  await until(() => server.lines({ event: 'connection_error', code: 3, message: 'Bad request', context })[2], 'three refusals');
});

test('generateId: an id is free again when its session has gone', async () => {
  for (let i = 0; i < 3; i++) {
    const session = await Polling.open(server, { wish: 'again' });
    assert.equal(session.handshake.sid, 'again');
    await request(server, session.params, { method: 'POST', body: '1' });
  }
});
