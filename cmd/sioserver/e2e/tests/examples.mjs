// The examples of docs/examples, each run as it stands and driven by the official client.

import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { MODES, client, connected, share, upgraded } from '../suite/client.mjs';
import { startExample } from '../suite/server.mjs';
import { gather, once, until, within } from '../suite/wait.mjs';

// The examples know nothing of the contract, so nothing is asked of them but what they are about.
async function connect(server, mode, options) {
  const socket = client(server, mode, options);
  await connected(socket);
  if (mode === 'upgrade') await upgraded(socket);
  return socket;
}

// An example in every transport, with a server for each.
function withExample(name, what, body) {
  for (const mode of MODES) {
    test(`examples, ${name}, ${mode}: ${what}`, async () => {
      const server = await startExample(name);
      try {
        await body(server, mode);
      } finally {
        await server.stop();
      }
    });
  }
}

withExample('chat', 'names, messages, comings and goings', async (server, mode) => {
  const [alice, bob] = await Promise.all([1, 2].map(() => connect(server, mode)));
  assert.equal(await alice.emitWithAck('log in', 'alice'), 1);
  const joined = once(alice, 'joined');
  assert.equal(await bob.emitWithAck('log in', 'bob'), 2);
  assert.deepEqual(await joined, ['bob', 2]);
  const own = gather(alice, 'message');
  const heard = once(bob, 'message');
  alice.emit('message', 'hello é😀');
  assert.deepEqual(await heard, ['alice', 'hello é😀']);
  const typing = once(alice, 'typing');
  bob.emit('typing');
  assert.deepEqual(await typing, ['bob']);
  const left = once(alice, 'left');
  bob.disconnect();
  assert.deepEqual(await left, ['bob']);
  assert.deepEqual(own, []);
});

withExample('auth', 'who has no token is told why, who is no admin may not', async (server, mode) => {
  const refused = await connected(client(server, mode, { auth: { token: 'guess' } })).catch((err) => err);
  assert.equal(refused.message, 'not authorized');
  assert.deepEqual(refused.data, { hint: 'log in again' });
  const user = await connect(server, mode, { auth: { token: 'token-of-ada' } });
  assert.deepEqual(await user.emitWithAck('who am i'), { name: 'ada', admin: false });
  const root = await connect(server, mode, { auth: { token: 'token-of-root' } });
  assert.ok((await root.emitWithAck('admin stats')) >= 1);
  await assert.rejects(user.timeout(300).emitWithAck('admin stats'));
  assert.deepEqual(await user.emitWithAck('who am i'), { name: 'ada', admin: false });
});

withExample('acks', 'both ways, late, never, and of everybody', async (server, mode) => {
  const [one, two] = await Promise.all([1, 2].map(() => connect(server, mode)));
  assert.equal(await one.emitWithAck('double', 21), 42);
  assert.deepEqual(await one.emitWithAck('double', 'x'), { error: { message: 'invalid arguments' } });
  assert.equal(await one.emitWithAck('slowly'), 'done');
  assert.equal(await one.emitWithAck('ask me', 'well?'), 'no answer');
  one.on('question', (text, ack) => ack(`${text} yes`));
  assert.equal(await one.emitWithAck('ask me', 'well?'), 'well? yes');
  assert.deepEqual(await one.emitWithAck('ask all', 'all?'), { answers: ['all? yes'], complete: false });
  two.on('question', (text, ack) => ack(`${text} no`));
  const { answers: list, complete } = await one.emitWithAck('ask all', 'all?');
  assert.deepEqual([list.sort(), complete], [['all? no', 'all? yes'], true]);
});

withExample('typed', 'structs, binary values, and what does not fit', async (server, mode) => {
  const [one, two] = await Promise.all([1, 2].map(() => connect(server, mode)));
  const data = randomBytes(5000);
  assert.deepEqual(await one.emitWithAck('upload', { name: 'a', tags: ['x'], data }), {
    name: 'a', bytes: 5000, sha256: createHash('sha256').update(data).digest('hex'),
  });
  assert.deepEqual(await one.emitWithAck('upload', { tags: [] }), { error: { message: 'a name is missing' } });
  assert.deepEqual(await one.emitWithAck('upload', 7), { error: { message: 'invalid arguments' } });
  const moved = once(two, 'moved');
  one.emit('move', 1.5, -2);
  assert.deepEqual(await moved, [{ id: one.id, x: 1.5, y: -2 }]);
  const relayed = once(two, 'relayed');
  one.emit('relay', data, { deep: [null] });
  assert.deepEqual(await relayed, [data, { deep: [null] }]);
});

withExample('rooms', 'unions, exceptions, moves, a namespace for each team', async (server, mode) => {
  const [a, b, c] = await Promise.all([1, 2, 3].map(() => connect(server, mode)));
  assert.deepEqual(await a.emitWithAck('join', 'tea'), [a.id, 'tea'].sort());
  await b.emitWithAck('join', 'tea');
  await b.emitWithAck('join', 'coffee');
  await c.emitWithAck('join', 'coffee');
  const said = [a, b, c].map((socket) => gather(socket, 'said'));
  a.emit('say', ['tea', 'coffee'], c.id, 'one');
  a.emit('say', ['tea', 'coffee'], '', 'two');
  await until(() => said.flat().length >= 5, 'five events');
  a.emit('merge', 'tea', 'water');
  a.emit('say', ['water'], '', 'three');
  await until(() => said.flat().length >= 7, 'two more');
  assert.deepEqual(said.map((list) => list.flat()), [['one', 'two', 'three'], ['one', 'two', 'three'], ['two']]);
  const team = share(a, '/team-red');
  const [hello] = await once(team, 'hello');
  assert.equal(hello, '/team-red');
  await assert.rejects(connected(share(a, '/crew')), { message: 'Invalid namespace' });
});

withExample('http', 'a request tells a room', async (server, mode) => {
  const [inside, outside] = await Promise.all([1, 2].map(() => connect(server, mode)));
  await inside.emitWithAck('subscribe', 'news');
  const others = gather(outside, 'notice');
  const heard = once(inside, 'notice');
  const post = (body) => fetch(`${server.url}/notify`, { method: 'POST', body });
  const answer = await post(JSON.stringify({ room: 'news', text: 'é' }));
  assert.deepEqual([answer.status, await answer.text()], [200, 'told 1\n']);
  assert.deepEqual(await heard, ['é']);
  assert.equal((await post('nonsense')).status, 400);
  assert.equal((await fetch(`${server.url}/notify`)).status, 405);
  await outside.emitWithAck('subscribe', 'else');
  assert.deepEqual(others, []);
});

for (const router of ['chi', 'gin']) {
  withExample(router, 'Socket.IO and routes of their own', async (server, mode) => {
    const socket = await connect(server, mode);
    assert.deepEqual(await socket.emitWithAck('echo', { a: [1] }), { a: [1] });
    assert.equal(await (await fetch(`${server.url}/hello/x`)).text(), 'hello x');
    const id = await socket.emitWithAck('request id');
    assert.equal(id !== '', router === 'chi', `request id ${id}`);
  });
}

// Clients that connect one after the other, each at its first attempt, the last when the first process has ended. They
// note the processes they come to.
async function arrive(server, processes) {
  let over = false;
  server.ended.then(() => (over = true));
  for (let last = false; !last; ) {
    last = over;
    const socket = client(server, 'websocket');
    const [[process]] = await Promise.all([once(socket, 'process'), connected(socket)]);
    processes.push(process);
    socket.disconnect();
  }
}

withExample('restart', 'clients go over to the new process', async (server, mode) => {
  const socket = client(server, mode, { reconnection: true, reconnectionDelay: 50, reconnectionDelayMax: 200 });
  const seen = gather(socket, 'process');
  await until(() => seen.length === 1, 'the first process');
  // Over polling each request is a connection, which may come to the process that does not know the session.
  const processes = [];
  const arrivals = mode === 'websocket' && arrive(server, processes);
  if (arrivals) await until(() => processes.length > 0, 'the first client that comes');
  const dropped = once(socket, 'disconnect');
  server.child.kill('SIGHUP');
  await dropped;
  const { code } = await within(server.ended, 'the end of the first process');
  await arrivals;
  assert.equal(code, 0);
  await until(() => seen.length >= 2, 'the second process');
  const [[first], [second]] = [seen[0], seen.at(-1)];
  assert.equal(first, server.child.pid);
  assert.notEqual(second, first);
  if (arrivals) assert.deepEqual([...new Set(processes)], [first, second], `${processes.length} clients`);
  socket.io.reconnection(false);
  const gone = once(socket, 'disconnect');
  process.kill(second, 'SIGTERM');
  await gone;
});

withExample('adapter', 'the rooms of two servers are one', async (server, mode) => {
  const second = { url: `http://127.0.0.1:${server.port + 1}` };
  const here = await connect(server, mode);
  const there = await connect(second, mode);
  for (const socket of [here, there]) await socket.emitWithAck('join', 'tea');
  const heard = once(there, 'said');
  here.emit('say', 'tea', 'over there');
  assert.deepEqual(await heard, ['over there']);
  const back = once(here, 'said');
  there.emit('say', 'tea', 'and back');
  assert.deepEqual(await back, ['and back']);
});
