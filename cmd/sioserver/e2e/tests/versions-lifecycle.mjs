// Official clients of versions 2 and 3: how they are refused, how they leave, and how they come back.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { MODES, client, connect, connected, marker, settled, share, upgraded } from '../suite/client.mjs';
import { Relay } from '../suite/relay.mjs';
import { startServer } from '../suite/server.mjs';
import { gather, once } from '../suite/wait.mjs';

const PATIENT = { reconnection: true, reconnectionDelay: 20, reconnectionDelayMax: 60, randomizationFactor: 0.5 };

let server;
before(async () => (server = await startServer({ eio3: true })));
after(() => server.stop());

// What the client is told when its namespace is refused: the data if there is some, else the message, up to version 2.
async function refusal(socket, version) {
  if (version === 2) return (await once(socket, 'error'))[0];
  const [{ message, data }] = await once(socket, 'connect_error');
  return data ?? message;
}

for (const version of [2, 3]) {
  for (const mode of MODES) {
    const title = `version ${version}, ${mode}`;
    const token = (value) => (version === 2 ? { query: { token: value } } : { auth: { token: value } });

    test(`${title}: a middleware refuses with data`, async () => {
      const socket = client(server, mode, { version, nsp: '/guarded', ...token('wrong') });
      assert.deepEqual(await refusal(socket, version), { code: 401, hint: 'token' });
      assert.equal(socket.connected, false);
    });

    test(`${title}: a middleware refuses without data`, async () => {
      const root = await connect(server, mode, { version });
      const refused = share(root, '/refuse');
      assert.equal(await refusal(refused, version), 'Refused');
      await server.upTo(root);
      assert.deepEqual(server.lines({ nsp: '/refuse' }), []);
    });

    test(`${title}: the right token passes the middlewares`, async () => {
      const socket = await connect(server, mode, { version, nsp: '/guarded', ...token('secret') });
      assert.deepEqual(await socket.emitWithAck('steps'), ['one', 'two']);
    });

    test(`${title}: an unknown namespace is refused, the others go on`, async () => {
      const root = await connect(server, mode, { version });
      const said = await refusal(share(root, '/nowhere'), version);
      assert.equal(said.message ?? said, 'Invalid namespace');
      await marker(root);
    });

    test(`${title}: the client leaves`, async () => {
      const socket = await connect(server, mode, { version });
      const { id } = socket;
      const left = once(socket, 'disconnect');
      socket.disconnect();
      assert.equal((await left)[0], 'io client disconnect');
      assert.equal(await server.reasonOf(id), 'client namespace disconnect');
    });

    test(`${title}: the client leaves one namespace of two, and joins it again`, async () => {
      const root = await connect(server, mode, { version });
      const chat = share(root, '/chat');
      await connected(chat);
      const { id } = chat;
      chat.disconnect();
      assert.equal(await server.reasonOf(id), 'client namespace disconnect');
      await marker(root);
      chat.connect();
      await connected(chat);
      await marker(chat);
      // The id says nothing of the visit up to version 2.
      assert.equal(chat.id === id, version === 2);
    });

    test(`${title}: the server ends the socket`, async () => {
      const root = await connect(server, mode, { version });
      const chat = share(root, '/chat');
      await connected(chat);
      const { id } = chat;
      const left = once(chat, 'disconnect');
      chat.emit('kick', false);
      assert.equal((await left)[0], 'io server disconnect');
      assert.equal(await server.reasonOf(id), 'server namespace disconnect');
      await marker(root);
    });

    test(`${title}: the server ends the connection, behind what it emitted`, async () => {
      const socket = await connect(server, mode, { version });
      const { id } = socket;
      const got = gather(socket, 'seq');
      const left = once(socket, 'disconnect');
      socket.emit('sequence', 50);
      socket.emit('kick', true);
      assert.equal((await left)[0], 'io server disconnect');
      assert.equal(got.length, 50);
      assert.equal(await server.reasonOf(id), 'server namespace disconnect');
    });

    test(`${title}: the client drops the connection`, async () => {
      const socket = await connect(server, mode, { version });
      const { id } = socket;
      const left = once(socket, 'disconnect');
      socket.io.engine.close();
      assert.equal((await left)[0], 'forced close');
      assert.equal(await server.reasonOf(id), 'transport close');
    });

    test(`${title}: the network drops the connection`, async () => {
      const relay = await Relay.start(server);
      const socket = await connect(relay, mode, { version });
      const { id } = socket;
      if (mode === 'polling') await relay.held(server, socket); // else the server cannot see a drop
      const left = once(socket, 'disconnect');
      relay.down();
      assert.match((await left)[0], /^transport (close|error)$/);
      assert.match(await server.reasonOf(id), /^transport (close|error)$/);
    });

    test(`${title}: the server shuts down`, async () => {
      const own = await startServer({ eio3: true });
      const socket = await connect(own, mode, { version });
      const { id } = socket;
      const left = once(socket, 'disconnect');
      await own.stop('SIGTERM');
      assert.match((await left)[0], /^transport (close|error)$/);
      assert.equal(await own.reasonOf(id), 'server shutting down');
    });

    test(`${title}: reconnects after the server was killed`, async () => {
      const own = await startServer({ eio3: true });
      try {
        const socket = await connect(own, mode, { ...PATIENT, version });
        const chat = share(socket, '/chat');
        await connected(chat);
        const { id } = socket;
        const left = once(socket, 'disconnect');
        await own.stop('SIGKILL');
        await left;
        const back = gather(socket, 'message-back');
        socket.emit('message', 'kept');
        const again = Promise.all([once(socket, 'connect'), once(chat, 'connect')]);
        await own.start();
        await again;
        if (mode === 'upgrade') await upgraded(socket);
        assert.equal(socket.io.engine.transport.name, settled(mode));
        assert.notEqual(socket.id, id);
        await marker(chat);
        await marker(socket);
        assert.deepEqual(back, [['kept']]);
      } finally {
        await own.stop();
      }
    });
  }
}

for (const mode of MODES) {
  test(`version 2, ${mode}: refused by a server that does not allow it, while version 3 gets in`, async () => {
    const strict = await startServer();
    try {
      const socket = client(strict, mode, { version: 2 });
      await once(socket, 'connect_error');
      assert.equal(socket.connected, false);
      await strict.saw({ event: 'connection_error', code: 5, message: 'Unsupported protocol version' });
      await marker(await connect(strict, mode, { version: 3 }));
    } finally {
      await strict.stop();
    }
  });
}
