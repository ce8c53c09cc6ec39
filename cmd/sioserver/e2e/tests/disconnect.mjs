// Why a connection ends, as each side names it.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { MODES, connect, connected, marker, settled, share } from '../suite/client.mjs';
import { VIOLATION_REASONS } from '../suite/profile.mjs';
import { request } from '../suite/raw.mjs';
import { Relay } from '../suite/relay.mjs';
import { startServer } from '../suite/server.mjs';
import { gather, once } from '../suite/wait.mjs';

let server;
before(async () => (server = await startServer()));
after(() => server.stop());

for (const mode of MODES) {
  test(`disconnect, ${mode}: the client leaves`, async () => {
    const socket = await connect(server, mode);
    const { id } = socket;
    const left = once(socket, 'disconnect');
    const closed = once(socket.io.engine, 'close');
    socket.disconnect();
    assert.equal((await left)[0], 'io client disconnect');
    await closed;
    assert.equal(await server.reasonOf(id), 'client namespace disconnect');
  });

  test(`disconnect, ${mode}: the server ends the socket`, async () => {
    const socket = await connect(server, mode);
    const { id } = socket;
    const left = once(socket, 'disconnect');
    socket.emit('kick', false);
    assert.equal((await left)[0], 'io server disconnect');
    assert.equal(await server.reasonOf(id), 'server namespace disconnect');
  });

  test(`disconnect, ${mode}: the server ends the connection`, async () => {
    const socket = await connect(server, mode);
    const { id } = socket;
    const left = once(socket, 'disconnect');
    const closed = once(socket.io.engine, 'close');
    socket.emit('kick', true);
    assert.equal((await left)[0], 'io server disconnect');
    assert.equal(await server.reasonOf(id), 'server namespace disconnect');
    await closed;
  });

  test(`disconnect, ${mode}: what the server emitted before it ended the socket arrives`, async () => {
    const socket = await connect(server, mode);
    const got = gather(socket, 'seq');
    const left = once(socket, 'disconnect');
    socket.emit('sequence', 50);
    socket.emit('kick', true);
    await left;
    assert.equal(got.length, 50);
  });

  test(`disconnect, ${mode}: the client drops the connection`, async () => {
    const socket = await connect(server, mode);
    const { id } = socket;
    const left = once(socket, 'disconnect');
    socket.io.engine.close();
    assert.equal((await left)[0], 'forced close');
    assert.equal(await server.reasonOf(id), 'transport close');
  });

  test(`disconnect, ${mode}: every namespace hears of the end`, async () => {
    const root = await connect(server, mode);
    const chat = share(root, '/chat');
    await connected(chat);
    const ids = [root.id, chat.id];
    const left = [once(root, 'disconnect'), once(chat, 'disconnect')];
    root.io.engine.close();
    for (const [reason] of await Promise.all(left)) assert.equal(reason, 'forced close');
    for (const id of ids) assert.equal(await server.reasonOf(id), 'transport close');
  });

  test(`disconnect, ${mode}: the last namespace closes the connection`, async () => {
    const root = await connect(server, mode);
    const chat = share(root, '/chat');
    await connected(chat);
    const closed = gather(root.io.engine, 'close');
    root.disconnect();
    await marker(chat);
    assert.equal(closed.length, 0);
    const end = once(root.io.engine, 'close');
    chat.disconnect();
    await end;
  });

  test(`disconnect, ${mode}: the network drops the connection`, async () => {
    const relay = await Relay.start(server);
    const socket = await connect(relay, mode);
    const { id } = socket;
    if (mode === 'polling') await relay.held(server, socket); // else the server cannot see a drop
    const left = once(socket, 'disconnect');
    relay.down();
    assert.match((await left)[0], /^transport (close|error)$/);
    assert.match(await server.reasonOf(id), /^transport (close|error)$/);
  });

  test(`disconnect, ${mode}: a packet the server refuses`, async () => {
    const socket = await connect(server, mode);
    const { id } = socket;
    const left = once(socket, 'disconnect');
    socket.io.engine.write('2{"not":"an event"}');
    assert.match((await left)[0], /^transport (close|error)$/);
    const reason = await server.reasonOf(id);
    assert.ok(VIOLATION_REASONS.includes(reason), reason);
  });

  test(`disconnect, ${mode}: bytes that are no packet`, async () => {
    const socket = await connect(server, mode);
    const { id, io } = socket;
    const left = once(socket, 'disconnect');
    if (settled(mode) === 'websocket') {
      io.engine.transport.ws.send('abc');
    } else {
      const params = { EIO: '4', transport: 'polling', sid: io.engine.id };
      await request(server, params, { method: 'POST', body: 'abc' });
    }
    assert.match((await left)[0], /^transport (close|error)$/);
    assert.equal(await server.reasonOf(id), 'parse error');
  });

  test(`disconnect, ${mode}: the server shuts down`, async () => {
    const own = await startServer();
    const root = await connect(own, mode);
    const chat = share(root, '/chat');
    await connected(chat);
    const ids = [root.id, chat.id];
    const left = [once(root, 'disconnect'), once(chat, 'disconnect')];
    await own.stop('SIGTERM');
    for (const [reason] of await Promise.all(left)) assert.match(reason, /^transport (close|error)$/);
    for (const id of ids) assert.equal(await own.reasonOf(id), 'server shutting down');
  });

  test(`disconnect, ${mode}: the server dies`, async () => {
    const own = await startServer();
    const socket = await connect(own, mode);
    const left = once(socket, 'disconnect');
    await own.stop('SIGKILL');
    assert.match((await left)[0], /^transport (close|error)$/);
  });

  test(`disconnect, ${mode}: nothing reaches a socket after its end`, async () => {
    const [socket, other] = await Promise.all([connect(server, mode), connect(server, mode)]);
    const { id } = socket;
    const strays = [];
    socket.onAny((...event) => strays.push(event));
    socket.disconnect();
    await server.reasonOf(id);
    other.emit('room', id, 'too late');
    other.emit('bcast', 'too late');
    await marker(other);
    assert.deepEqual(strays, []);
  });
}
