// Rooms: who is in, who gets what, with and without exceptions, over mixed transports.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { MODES, connect, marker } from '../suite/client.mjs';
import { startServer } from '../suite/server.mjs';
import { gather, once, until } from '../suite/wait.mjs';

let server;
before(async () => (server = await startServer()));
after(() => server.stop());

// A namespace of its own for each test: a client of the test before may still be on its way out.
let spaces = 0;

// Four clients and what each of them hears of one event. In mode `mixed` they use different transports.
async function group(mode, event) {
  const nsp = `/dyn-${++spaces}`;
  const modes = mode === 'mixed' ? [...MODES, 'websocket'] : [mode, mode, mode, mode];
  const clients = await Promise.all(modes.map((m) => connect(server, m, { nsp })));
  return { clients, heard: clients.map((socket) => gather(socket, event)) };
}

const join = (socket, ...rooms) => Promise.all(rooms.map((room) => socket.emitWithAck('join', room)));

// What each client heard, after a marker broadcast of the same sender has come behind it.
async function told({ clients, heard }, sender = clients[0]) {
  const marked = clients.map((socket) => gather(socket, 'bcast'));
  sender.emit('bcast', 'marker');
  await until(() => marked.every((list) => list.at(-1)?.[0] === 'marker'), 'marker at all clients');
  return heard.map((list) => list.filter(([first]) => first !== 'marker'));
}

for (const mode of [...MODES, 'mixed']) {
  test(`rooms, ${mode}: a room reaches its members, the sender among them`, async () => {
    const all = await group(mode, 'room');
    const [a, b] = all.clients;
    await Promise.all([join(a, 'x'), join(b, 'x')]);
    a.emit('room', 'x', 'hi', { n: 1 });
    const hi = [['x', 'hi', { n: 1 }]];
    assert.deepEqual(await told(all), [hi, hi, [], []]);
  });

  test(`rooms, ${mode}: a sender need not be a member`, async () => {
    const all = await group(mode, 'room');
    await join(all.clients[1], 'x');
    all.clients[0].emit('room', 'x', 'from outside');
    assert.deepEqual(await told(all), [[], [['x', 'from outside']], [], []]);
  });

  test(`rooms, ${mode}: the others in the room`, async () => {
    const all = await group(mode, 'room');
    const [a, b, c] = all.clients;
    await Promise.all([join(a, 'x'), join(b, 'x'), join(c, 'x')]);
    a.emit('room-others', 'x', 1);
    assert.deepEqual(await told(all), [[], [['x', 1]], [['x', 1]], []]);
  });

  test(`rooms, ${mode}: a room except another`, async () => {
    const all = await group(mode, 'room');
    const [a, b, c, d] = all.clients;
    await Promise.all([join(a, 'x'), join(b, 'x', 'mute'), join(c, 'x'), join(d, 'mute')]);
    a.emit('room-except', 'x', 'mute', 1);
    assert.deepEqual(await told(all), [[['x', 1]], [], [['x', 1]], []]);
  });

  test(`rooms, ${mode}: the union of rooms reaches each member once`, async () => {
    const all = await group(mode, 'union');
    const [a, b, c] = all.clients;
    await Promise.all([join(a, 'x'), join(b, 'x', 'y', 'z'), join(c, 'y')]);
    a.emit('union', ['x', 'y', 'z', 'nobody'], 1);
    assert.deepEqual(await told(all), [[[1]], [[1]], [[1]], []]);
  });

  test(`rooms, ${mode}: broadcasts to all, to the others, to all except a room`, async () => {
    const all = await group(mode, 'bcast');
    const [a, , c] = all.clients;
    await join(c, 'mute');
    a.emit('bcast', 'all');
    a.emit('bcast-others', 'others');
    a.emit('bcast-except', 'mute', 'except');
    const some = [['all'], ['others'], ['except']];
    assert.deepEqual(await told(all), [[['all'], ['except']], some, [['all'], ['others']], some]);
  });

  test(`rooms, ${mode}: every socket has a room of its own id`, async () => {
    const all = await group(mode, 'room');
    const [a, b] = all.clients;
    a.emit('room', b.id, 'for you');
    a.emit('room-except', a.id, b.id, 'for me');
    assert.deepEqual(await told(all), [[[a.id, 'for me']], [[b.id, 'for you']], [], []]);
  });

  test(`rooms, ${mode}: who is where`, async () => {
    const { clients } = await group(mode, 'room');
    const [a, b] = clients;
    await Promise.all([join(a, 'x', 'y'), join(b, 'x')]);
    assert.deepEqual(await a.emitWithAck('rooms'), [a.id, 'x', 'y'].sort());
    assert.deepEqual(await b.emitWithAck('members', 'x'), [a.id, b.id].sort());
    assert.deepEqual(await b.emitWithAck('members', 'nobody'), []);
    await a.emitWithAck('leave', 'x');
    await a.emitWithAck('leave', 'never joined');
    await join(a, 'y');
    assert.deepEqual(await a.emitWithAck('rooms'), [a.id, 'y'].sort());
    assert.deepEqual(await b.emitWithAck('members', 'x'), [b.id]);
  });

  test(`rooms, ${mode}: the server moves a whole room`, async () => {
    const all = await group(mode, 'room');
    const [a, b, c] = all.clients;
    await Promise.all([join(a, 'old'), join(b, 'old')]);
    await c.emitWithAck('move', 'old', 'new');
    c.emit('room', 'old', 1);
    c.emit('room', 'new', 2);
    assert.deepEqual(await told(all, c), [[['new', 2]], [['new', 2]], [], []]);
    assert.deepEqual(await c.emitWithAck('members', 'old'), []);
  });

  test(`rooms, ${mode}: who leaves the server leaves its rooms`, async () => {
    const { clients } = await group(mode, 'room');
    const [a, b] = clients;
    await Promise.all([join(a, 'x'), join(b, 'x', 'y')]);
    const { id, nsp } = b;
    b.disconnect();
    const line = await server.saw({ event: 'disconnect', nsp, sid: id });
    assert.deepEqual(line.rooms, [id, 'x', 'y'].sort());
    await until(async () => (await a.emitWithAck('members', 'x')).length === 1, 'one member left');
    assert.deepEqual(await a.emitWithAck('members', id), []);
  });

  test(`rooms, ${mode}: the server disconnects a whole room`, async () => {
    const { clients } = await group(mode, 'room');
    const [a, b, c] = clients;
    await Promise.all([join(a, 'out'), join(b, 'out')]);
    const left = [once(a, 'disconnect'), once(b, 'disconnect')];
    c.emit('kick-room', 'out', true);
    for (const [reason] of await Promise.all(left)) assert.equal(reason, 'io server disconnect');
    await marker(c);
  });
}

test('rooms: odd names are names like any other', async () => {
  const { clients } = await group('websocket', 'room');
  const [a, b] = clients;
  const names = ['', ' ', '__proto__', 'constructor', 'é😀', 'x'.repeat(500), '/', 'a,b', '\u0000'];
  await join(a, ...names);
  for (const name of names) {
    const got = once(a, 'room');
    b.emit('room', name, 1);
    assert.deepEqual(await got, [name, 1]);
  }
  assert.deepEqual(await a.emitWithAck('rooms'), [a.id, ...names].sort());
});
