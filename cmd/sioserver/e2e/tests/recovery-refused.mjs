// Connection state recovery: when there is none, the socket is a new one, with nothing of the old.

import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { MODES, client, connect, connected, marker } from '../suite/client.mjs';
import { profile } from '../suite/profile.mjs';
import { RawWebSocket, endWebSockets } from '../suite/raw.mjs';
import { startServer } from '../suite/server.mjs';
import { once, until } from '../suite/wait.mjs';

const SHORT_MS = 300;

let server;
let brief;
before(async () => {
  [server, brief] = await Promise.all([
    startServer({ recovery: 60_000 }),
    startServer({ recovery: SHORT_MS, recoveryMiddlewares: true }),
  ]);
});
after(() => Promise.all([server.stop(), brief.stop()]));
afterEach(endWebSockets);

// A socket with a room and data, that has got an event.
async function settle(at, mode, options) {
  const socket = await connect(at, mode, options);
  await socket.emitWithAck('join', 'room');
  await socket.emitWithAck('remember', 'old');
  return socket;
}

async function assertNew(socket, oldId) {
  await connected(socket);
  assert.ok(!socket.recovered);
  assert.notEqual(socket.id, oldId);
  assert.deepEqual(await socket.emitWithAck('state'), { recovered: false, value: null, rooms: [socket.id] });
}

for (const mode of MODES) {
  test(`recovery refused, ${mode}: after the client has left`, async () => {
    const socket = await settle(server, mode);
    const { id } = socket;
    socket.disconnect();
    assert.equal(await server.reasonOf(id), 'client namespace disconnect');
    socket.connect();
    await assertNew(socket, id);
  });

  for (const close of [false, true]) {
    test(`recovery refused, ${mode}: after the server has ended the socket, ${close}`, async () => {
      const socket = await settle(server, mode);
      const { id } = socket;
      const left = once(socket, 'disconnect');
      socket.emit('kick', close);
      await left;
      socket.connect();
      await assertNew(socket, id);
    });
  }

  test(`recovery refused, ${mode}: after bytes that are no packet`, async () => {
    const socket = await settle(server, mode);
    const { id } = socket;
    const left = once(socket, 'disconnect');
    const { engine } = socket.io;
    if (mode === 'polling') engine.transport.doWrite('abc', () => {});
    else engine.transport.ws.send('abc');
    await left;
    assert.equal(await server.reasonOf(id), 'parse error');
    socket.connect();
    await assertNew(socket, id);
  });

  test(`recovery refused, ${mode}: an offset, a session nobody knows`, async () => {
    for (const change of [(s) => (s._lastOffset = 'unknown'), (s) => (s._pid = 'x'.repeat(20)), (s) => (s._pid = '')]) {
      const socket = await settle(server, mode);
      const { id } = socket;
      socket.io.engine.close();
      await server.reasonOf(id);
      change(socket);
      socket.connect();
      await assertNew(socket, id);
    }
  });

  test(`recovery refused, ${mode}: too late`, async () => {
    const socket = await settle(brief, mode);
    const { id } = socket;
    socket.io.engine.close();
    await brief.reasonOf(id);
    // That time passes is the matter of this test.
    const end = performance.now() + 1.5 * SHORT_MS;
    await until(() => performance.now() > end, 'the end of the session');
    socket.connect();
    await assertNew(socket, id);
  });

  test(`recovery refused, ${mode}: by the middlewares, if they are asked`, async () => {
    const socket = await connect(brief, mode, { nsp: '/guarded', auth: { token: 'secret' } });
    const { id } = socket;
    await marker(socket);
    socket.io.engine.close();
    await brief.reasonOf(id);
    socket.auth = { token: 'wrong by now' };
    const refused = once(socket, 'connect_error');
    socket.connect();
    assert.equal((await refused)[0].message, 'Not authorized');
  });

  test(`recovery refused, ${mode}: by a server that has started anew`, async () => {
    const own = await startServer({ recovery: 60_000 });
    try {
      const socket = await settle(own, mode);
      const { id } = socket;
      const left = once(socket, 'disconnect');
      await own.stop('SIGTERM');
      await left;
      assert.equal(await own.reasonOf(id), 'server shutting down');
      await own.start();
      socket.connect();
      await assertNew(socket, id);
    } finally {
      await own.stop();
    }
  });

  test(`recovery refused, ${mode}: by a server without it, which names no session and no offsets`, async () => {
    const plain = await startServer();
    try {
      const socket = client(plain, mode);
      const auth = once(socket, 'auth');
      await connected(socket);
      assert.deepEqual(await auth, [{}]);
      assert.equal(socket._pid, undefined);
      await marker(socket);
      const { id } = socket;
      socket.io.engine.close();
      await plain.reasonOf(id);
      socket.connect();
      await assertNew(socket, id);
    } finally {
      await plain.stop();
    }
  });
}

test('recovery refused: values that are no strings', async () => {
  for (const words of [{ pid: 1, offset: 2 }, { pid: {}, offset: [] }, { pid: '__proto__', offset: 'x' }, { pid: 'x' }]) {
    const raw = await RawWebSocket.open(server);
    raw.send(`40${JSON.stringify(words)}`);
    const answer = JSON.parse((await raw.next()).slice(2));
    assert.deepEqual(Object.keys(answer), ['sid', 'pid']);
    await server.saw({ event: 'connect', sid: answer.sid, recovered: false });
  }
});

test('recovery refused: the session of a socket that is connected', async () => {
  const socket = await settle(server, 'websocket');
  const raw = await RawWebSocket.open(server);
  raw.send(`40${JSON.stringify({ pid: socket._pid, offset: socket._lastOffset })}`);
  assert.notEqual(JSON.parse((await raw.next()).slice(2)).sid, socket.id);
  await marker(socket);
});

test(`recovery: the session of a socket that has been recovered is ${profile.recoveredSession}`, async () => {
  const socket = await settle(server, 'websocket');
  const { id } = socket;
  const words = { pid: socket._pid, offset: socket._lastOffset };
  socket.io.engine.close();
  await server.reasonOf(id);
  socket.connect();
  await connected(socket);
  assert.equal(socket.recovered, true);
  const raw = await RawWebSocket.open(server);
  raw.send(`40${JSON.stringify(words)}`);
  const answers = [await raw.next()];
  while (!answers.at(-1).startsWith('40')) answers.push(await raw.next());
  const { sid } = JSON.parse(answers.at(-1).slice(2));
  if (profile.recoveredSession === 'reusable') assert.equal(sid, id);
  else assert.notEqual(sid, id);
  await marker(socket);
});
