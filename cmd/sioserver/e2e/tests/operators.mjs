// Operators over rooms: queries, joins, leaves, ends, questions to many, and what reaches whom.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { MODES, answers, connect, connected, marker, share } from '../suite/client.mjs';
import { startServer } from '../suite/server.mjs';
import { gather, once, until } from '../suite/wait.mjs';

const SHORT_MS = 200;
const LONG_MS = 10_000;

let server;
before(async () => (server = await startServer()));
after(() => server.stop());

let spaces = 0;

// Four clients in a namespace of their own: a in x, b in x and y, c in y, d in none.
async function four(mode) {
  const nsp = `/dyn-${++spaces}`;
  const [a, b, c, d] = await Promise.all(
    ['a', 'b', 'c', 'd'].map((name) => connect(server, mode, { nsp, auth: { name } })),
  );
  const joins = [[a, 'x'], [b, 'x'], [b, 'y'], [c, 'y']];
  await Promise.all(joins.map(([socket, room]) => socket.emitWithAck('join', room)));
  return [a, b, c, d];
}

const ids = (...sockets) => sockets.map(({ id }) => id).sort();

async function found(asker, target) {
  return (await asker.emitWithAck('op-fetch', target)).map(({ id }) => id);
}

// Resolves when all have heard what one of them sends last.
async function settled(clients, sender = clients.at(-1)) {
  const ends = clients.map((socket) => gather(socket, 'bcast'));
  sender.emit('bcast', 'end');
  await until(() => ends.every((list) => list.length), 'end at all');
}

for (const mode of MODES) {
  test(`operators, ${mode}: who is found`, async () => {
    const [a, b, c, d] = await four(mode);
    assert.deepEqual(await found(a, {}), ids(a, b, c, d));
    assert.deepEqual(await found(a, { to: ['x'] }), ids(a, b));
    assert.deepEqual(await found(a, { to: ['x', 'y'] }), ids(a, b, c));
    assert.deepEqual(await found(a, { to: ['x', 'y', d.id] }), ids(a, b, c, d));
    assert.deepEqual(await found(a, { except: ['x'] }), ids(c, d));
    assert.deepEqual(await found(a, { to: ['x', 'y'], except: [b.id] }), ids(a, c));
    assert.deepEqual(await found(a, { to: ['nobody'] }), []);
    assert.deepEqual(await found(a, { from: 'socket' }), ids(b, c, d));
    assert.deepEqual(await found(a, { from: 'socket', to: ['x'] }), ids(b));
    assert.deepEqual(await found(a, { local: true, to: ['y'] }), ids(b, c));
  });

  test(`operators, ${mode}: what is known of those found`, async () => {
    const [a, b] = await four(mode);
    await b.emitWithAck('remember', { n: 1, list: ['é'] });
    assert.deepEqual(await a.emitWithAck('op-fetch', { to: [b.id] }), [
      { id: b.id, rooms: [b.id, 'x', 'y'].sort(), value: { n: 1, list: ['é'] }, auth: { name: 'b' } },
    ]);
  });

  test(`operators, ${mode}: others join and leave, one room or several`, async () => {
    const [a, b, c, d] = await four(mode);
    await d.emitWithAck('op-join', {}, 'all');
    assert.deepEqual(await found(d, { to: ['all'] }), ids(a, b, c, d));
    await d.emitWithAck('op-join', { to: ['x'], except: ['y'] }, ['p', 'q']);
    assert.deepEqual(await a.emitWithAck('rooms'), [a.id, 'all', 'p', 'q', 'x'].sort());
    assert.deepEqual(await b.emitWithAck('rooms'), [b.id, 'all', 'x', 'y'].sort());
    await d.emitWithAck('op-leave', { to: ['y'] }, ['y', 'all', 'never joined']);
    assert.deepEqual(await b.emitWithAck('rooms'), [b.id, 'x'].sort());
    assert.deepEqual(await found(d, { to: ['all'] }), ids(a, d));
    await d.emitWithAck('op-leave', { local: true }, 'x');
    assert.deepEqual(await found(d, { to: ['x'] }), []);
    const heard = once(a, 'room');
    d.emit('room', 'q', 'moved');
    assert.deepEqual(await heard, ['q', 'moved']);
  });

  test(`operators, ${mode}: some are ended, one namespace of a connection or all of it`, async () => {
    const [a, b, c, d] = await four(mode);
    const other = share(b, '/chat');
    await connected(other);
    const left = [a, b].map((socket) => once(socket, 'disconnect'));
    d.emit('op-disconnect', { to: ['x'] }, false);
    for (const [reason] of await Promise.all(left)) assert.equal(reason, 'io server disconnect');
    await marker(other);
    const ended = once(c, 'disconnect');
    const closed = once(c.io.engine, 'close');
    d.emit('op-disconnect', { from: 'socket' }, true);
    assert.equal((await ended)[0], 'io server disconnect');
    await closed;
    assert.deepEqual(await found(d, {}), ids(d));
  });

  test(`operators, ${mode}: emitting by every mixture, to each once`, async () => {
    const clients = await four(mode);
    const [a, b, c, d] = clients;
    const heard = clients.map((socket) => gather(socket, 'op'));
    d.emit('op-emit', { to: ['x'] }, 1);
    d.emit('op-emit', { to: ['x', 'y'] }, 2);
    d.emit('op-emit', { to: ['x', 'y'], except: [a.id, 'nobody'] }, 3);
    d.emit('op-emit', { from: 'socket' }, 4);
    d.emit('op-emit', { from: 'socket', to: [d.id, c.id] }, 5);
    d.emit('op-emit', { local: true, except: ['x', 'y'] }, 6);
    d.emit('op-emit', { to: ['nobody'] }, 7);
    await settled(clients);
    assert.deepEqual(heard.map((list) => list.flat()), [[1, 2, 4], [1, 2, 3, 4], [2, 3, 4, 5], [6]]);
    assert.equal(b.connected, true);
  });

  test(`operators, ${mode}: volatile to those who can take it`, async () => {
    const clients = await four(mode);
    const [a, b] = clients;
    if (mode !== 'polling') {
      const heard = [once(a, 'op'), once(b, 'op')];
      clients[3].emit('op-emit', { to: ['x'], volatile: true }, 'now');
      assert.deepEqual(await Promise.all(heard), [['now'], ['now']]);
    } else {
      // Between two polls it is dropped: then nothing comes before the end.
      const heard = [gather(a, 'op'), gather(b, 'op')];
      clients[3].emit('op-emit', { to: ['x'], volatile: true }, 'now');
      await settled(clients);
      for (const list of heard) assert.ok(list.length <= 1);
    }
  });

  test(`operators, ${mode}: a question to some is answered by those`, async () => {
    const [a, b, c, d] = await four(mode);
    for (const socket of [a, b, c, d]) socket.on('question', (x, ack) => ack(`${x} ${socket.auth.name}`, 'second'));
    const ask = async (target) => {
      const [err, list] = await answers(d, 'op-ask', { ms: LONG_MS, ...target }, 'q');
      return [err, list.sort()];
    };
    assert.deepEqual(await ask({ to: ['x'] }), [null, ['q a', 'q b']]);
    assert.deepEqual(await ask({ to: ['x', 'y'], except: ['x'] }), [null, ['q c']]);
    assert.deepEqual(await ask({ from: 'socket' }), [null, ['q a', 'q b', 'q c']]);
    assert.deepEqual(await ask({ local: true }), [null, ['q a', 'q b', 'q c', 'q d']]);
    assert.deepEqual(await ask({ to: ['nobody'] }), [null, []]);
  });

  test(`operators, ${mode}: a question not all answer in time`, async () => {
    const [a, b, c, d] = await four(mode);
    let late;
    a.on('question', (ack) => ack('a'));
    b.on('question', (ack) => (late = ack));
    const [err, list] = await answers(d, 'op-ask', { to: ['x'], ms: SHORT_MS });
    assert.deepEqual([err, list], ['operation has timed out', ['a']]);
    late('too late');
    await marker(b);
    c.on('question', (ack) => ack(Buffer.from('bytes')));
    assert.deepEqual(await answers(d, 'op-ask', { to: [c.id], ms: LONG_MS }), [null, [Buffer.from('bytes')]]);
  });

  test(`operators, ${mode}: a question to one that was found`, async () => {
    const [a, b, , d] = await four(mode);
    a.once('question', (x, y, ack) => ack(y, 'second'));
    assert.deepEqual(await answers(d, 'found-ask', a.id, LONG_MS, 1, Buffer.from('2')), [null, Buffer.from('2')]);
    assert.equal((await answers(d, 'found-ask', b.id, SHORT_MS, 1))[0], 'operation has timed out');
  });

  test(`operators, ${mode}: one that was found is emitted to, moved and ended`, async () => {
    const [a, b, c, d] = await four(mode);
    const heard = [gather(a, 'found'), gather(b, 'found')];
    d.emit('found-emit', a.id, 'you', { n: 1 });
    await until(() => heard[0].length === 1, 'the event');
    assert.deepEqual(heard, [[['you', { n: 1 }]], []]);
    await d.emitWithAck('found-move', c.id, 'y', 'z');
    assert.deepEqual(await c.emitWithAck('rooms'), [c.id, 'z'].sort());
    const left = once(c, 'disconnect');
    d.emit('found-kick', c.id, true);
    assert.equal((await left)[0], 'io server disconnect');
  });

  test(`operators, ${mode}: a room joined after the end holds nobody`, async () => {
    const [a, , , d] = await four(mode);
    const left = once(a, 'disconnect');
    a.emit('join-late', 'late');
    await left;
    assert.deepEqual(await found(d, { to: ['late'] }), []);
  });

  test(`operators, ${mode}: what is said to other servers goes nowhere here`, async () => {
    const [a] = await four(mode);
    const heard = gather(a, 'side');
    await a.emitWithAck('side', 'to the others', 1);
    await server.upTo(a);
    assert.deepEqual(heard, []);
    assert.deepEqual(server.lines({ event: 'side' }), []);
  });
}
