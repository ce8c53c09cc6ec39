// Namespaces: sharing one connection, joining and leaving each for itself, unknown and dynamic names.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { MODES, client, connect, connected, marker, share } from '../suite/client.mjs';
import { startServer } from '../suite/server.mjs';
import { gather, once } from '../suite/wait.mjs';

let server;
before(async () => (server = await startServer()));
after(() => server.stop());

for (const mode of MODES) {
  test(`namespaces, ${mode}: several on one connection, each with its own socket`, async () => {
    const root = await connect(server, mode);
    const chat = share(root, '/chat');
    const custom = share(root, '/custom', { auth: { for: 'custom' } });
    const customAuth = once(custom, 'auth');
    await Promise.all([connected(chat), connected(custom)]);
    assert.equal(chat.io, root.io);
    assert.equal(new Set([root.id, chat.id, custom.id]).size, 3);
    assert.deepEqual(await customAuth, [{ for: 'custom' }]);
    for (const socket of [root, chat, custom]) {
      await server.saw({ event: 'connect', nsp: socket.nsp, sid: socket.id });
      assert.equal(await socket.emitWithAck('message-with-ack', socket.nsp), socket.nsp);
    }
  });

  test(`namespaces, ${mode}: a namespace is joined without the main one`, async () => {
    const chat = await connect(server, mode, { nsp: '/chat' });
    assert.equal(await chat.emitWithAck('echo', 'alone'), 'alone');
  });

  test(`namespaces, ${mode}: events, answers and binary stay in their namespace`, async () => {
    const root = await connect(server, mode);
    const chat = share(root, '/chat');
    await connected(chat);
    const strays = gather(root, 'echo');
    const echoed = once(chat, 'echo');
    chat.emit('echo', 'chat', Buffer.from('chat'));
    assert.deepEqual(await echoed, ['chat', Buffer.from('chat')]);
    // The same ack ids are in use on both sides of the wall at once.
    const answers = await Promise.all([
      root.emitWithAck('message-with-ack', 'from root'),
      chat.emitWithAck('message-with-ack', 'from chat'),
    ]);
    assert.deepEqual(answers, ['from root', 'from chat']);
    await marker(root);
    assert.deepEqual(strays, []);
  });

  test(`namespaces, ${mode}: broadcasts and rooms stop at the wall`, async () => {
    const nsp = `/dyn-1${MODES.indexOf(mode)}`;
    const inside = await connect(server, mode, { nsp });
    const outside = share(inside, '/chat');
    await connected(outside);
    await Promise.all([inside.emitWithAck('join', 'same'), outside.emitWithAck('join', 'same')]);
    const strays = [];
    outside.onAny((...event) => strays.push(event));
    const got = once(inside, 'bcast');
    inside.emit('room', 'same', 1);
    inside.emit('bcast', 'all of us');
    assert.deepEqual(await got, ['all of us']);
    await marker(outside);
    assert.deepEqual(strays, []);
    assert.deepEqual(await inside.emitWithAck('members', 'same'), [inside.id]);
  });

  test(`namespaces, ${mode}: leaving one keeps the connection and the others`, async () => {
    const root = await connect(server, mode);
    const chat = share(root, '/chat');
    await connected(chat);
    const { id } = chat;
    chat.disconnect();
    assert.equal(await server.reasonOf(id), 'client namespace disconnect');
    await marker(root);
    assert.equal(root.connected, true);

    chat.connect();
    await connected(chat);
    assert.notEqual(chat.id, id);
    await marker(chat);
  });

  test(`namespaces, ${mode}: the server ends one namespace`, async () => {
    const root = await connect(server, mode);
    const chat = share(root, '/chat');
    await connected(chat);
    const { id } = chat;
    const left = once(chat, 'disconnect');
    chat.emit('kick', false);
    assert.equal((await left)[0], 'io server disconnect');
    assert.equal(await server.reasonOf(id), 'server namespace disconnect');
    await marker(root);
    assert.equal(root.connected, true);
  });

  test(`namespaces, ${mode}: an unknown one is refused, the others go on`, async () => {
    const root = await connect(server, mode);
    const nowhere = share(root, '/nowhere');
    const [error] = await once(nowhere, 'connect_error');
    assert.equal(error.message, 'Invalid namespace');
    assert.equal(error.data, undefined);
    assert.equal(nowhere.connected, false);
    await marker(root);
  });

  test(`namespaces, ${mode}: dynamic names`, async () => {
    const first = await connect(server, mode, { nsp: '/dyn-101' });
    const second = share(first, '/dyn-102');
    await connected(second);
    assert.equal(await second.emitWithAck('echo', 'dynamic'), 'dynamic');
    const none = share(first, '/dyn-none');
    assert.equal((await once(none, 'connect_error'))[0].message, 'Invalid namespace');
    await marker(first);
  });

  test(`namespaces, ${mode}: a slow middleware lets the others go first`, async () => {
    const slow = client(server, mode, { nsp: '/slow' });
    const order = [];
    slow.on('connect', () => order.push('slow'));
    const chat = share(slow, '/chat');
    chat.on('connect', () => order.push('chat'));
    const back = once(slow, 'message-back');
    slow.emit('message', 'waited');
    await Promise.all([connected(chat), connected(slow)]);
    assert.deepEqual(order, ['chat', 'slow']);
    assert.deepEqual(await back, ['waited']);
  });

  test(`namespaces, ${mode}: the whole connection ends for all of them`, async () => {
    const root = await connect(server, mode);
    const chat = share(root, '/chat');
    await connected(chat);
    const ids = [root.id, chat.id];
    const left = [once(root, 'disconnect'), once(chat, 'disconnect')];
    root.emit('kick', true);
    await Promise.all(left);
    for (const id of ids) assert.equal(await server.reasonOf(id), 'server namespace disconnect');
  });
}

test('namespaces: the same one twice needs two connections', async () => {
  const [a, b] = await Promise.all([connect(server, 'websocket'), connect(server, 'websocket')]);
  assert.notEqual(a.io, b.io);
  assert.notEqual(a.id, b.id);
});

test('namespaces: a client that leaves during a slow middleware never joins', async () => {
  const slow = client(server, 'websocket', { nsp: '/slow' });
  await once(slow.io, 'open');
  const connects = server.journal.filter((line) => line.nsp === '/slow' && line.event === 'connect').length;
  slow.io.engine.close();
  // A later visitor waits just as long: when it is in, the first would have been.
  const later = await connect(server, 'websocket', { nsp: '/slow' });
  await server.saw({ event: 'connect', nsp: '/slow', sid: later.id });
  const after = server.journal.filter((line) => line.nsp === '/slow' && line.event === 'connect').length;
  assert.equal(after, connects + 1);
});
