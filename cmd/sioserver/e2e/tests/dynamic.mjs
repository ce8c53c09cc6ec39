// Dynamic namespaces: by pattern and by function, what reaches the whole family, and how the children go.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { MODES, client, connect, connected, marker, share } from '../suite/client.mjs';
import { startServer } from '../suite/server.mjs';
import { gather, once, until } from '../suite/wait.mjs';

const OPEN = { auth: { token: 'open' } };

let server;
let tidy;
before(async () => ([server, tidy] = await Promise.all([startServer(), startServer({ cleanupNamespaces: true })])));
after(() => Promise.all([server.stop(), tidy.stop()]));

let names = 0;
const fresh = (prefix) => `${prefix}${++names}`;

for (const mode of MODES) {
  test(`dynamic, ${mode}: a function decides by the name and the auth`, async () => {
    const nsp = fresh('/fn-');
    const socket = await connect(server, mode, { nsp, ...OPEN });
    assert.equal(await socket.emitWithAck('echo', 'in'), 'in');
    for (const [name, auth] of [[fresh('/fn-'), {}], [fresh('/fn-'), { token: 'shut' }], ['/other', OPEN.auth]]) {
      const [{ message }] = await once(share(socket, name, { auth }), 'connect_error');
      assert.equal(message, 'Invalid namespace');
      assert.equal(await socket.emitWithAck('exists', name), false);
    }
    // Once it is there, the function is not asked again.
    await marker(await connect(server, mode, { nsp, auth: { token: 'shut' } }));
  });

  test(`dynamic, ${mode}: clients that come while the function thinks get one namespace`, async () => {
    const nsp = fresh('/fn-');
    const clients = await Promise.all([1, 2, 3].map(() => connect(server, mode, { nsp, ...OPEN })));
    const heard = clients.map((socket) => gather(socket, 'bcast'));
    clients[0].emit('bcast', 'all three');
    await until(() => heard.every((list) => list.length === 1), 'broadcast at all three');
    await server.upTo(clients[0]);
    assert.equal(server.lines({ event: 'new_namespace', nsp }).length, 1);
  });

  test(`dynamic, ${mode}: the application hears of each new namespace once`, async () => {
    const nsp = fresh('/dyn-');
    const socket = await connect(server, mode, { nsp });
    await marker(await connect(server, mode, { nsp }));
    await server.upTo(socket);
    assert.equal(server.lines({ event: 'new_namespace', nsp }).length, 1);
    assert.equal(server.lines({ event: 'new_namespace', nsp: '/' }).length, 0);
  });

  test(`dynamic, ${mode}: what is said to the family reaches all children, and no one else`, async () => {
    const [one, two, stranger] = await Promise.all(
      [[fresh('/fn-'), OPEN], [fresh('/fn-'), OPEN], [fresh('/dyn-'), {}]].map(([nsp, options]) =>
        connect(server, mode, { nsp, ...options }),
      ),
    );
    await two.emitWithAck('join', 'room');
    const heard = [one, two, stranger].map((socket) => gather(socket, 'family'));
    one.emit('family', 'all', { n: 1 });
    one.emit('family-room', 'room', 'some');
    await marker(one);
    await until(() => heard[1].length === 2, 'both at the second');
    stranger.emit('family', 'strangers');
    await until(() => heard[2].length === 1, 'the own family of the third');
    await marker(one);
    assert.deepEqual(heard, [[['all', { n: 1 }]], [['all', { n: 1 }], ['some']], [['strangers']]]);
  });

  test(`dynamic, ${mode}: empty children stay, unless they are to be cleaned up`, async () => {
    for (const [at, stays] of [[server, true], [tidy, false]]) {
      const watcher = await connect(at, 'websocket');
      for (const [nsp, options] of [[fresh('/dyn-'), {}], [fresh('/fn-'), OPEN]]) {
        const [first, second] = await Promise.all([1, 2].map(() => connect(at, mode, { nsp, ...options })));
        const ids = [first.id, second.id];
        first.disconnect();
        await at.reasonOf(ids[0]);
        assert.equal(await watcher.emitWithAck('exists', nsp), true);
        await marker(second);
        second.disconnect();
        await at.reasonOf(ids[1]);
        if (stays) assert.equal(await watcher.emitWithAck('exists', nsp), true);
        else await until(async () => !(await watcher.emitWithAck('exists', nsp)), 'the end of the child');
        const again = await connect(at, mode, { nsp, ...options });
        assert.equal(await again.emitWithAck('echo', 'again'), 'again');
        await at.upTo(again);
        assert.equal(at.lines({ event: 'new_namespace', nsp }).length, stays ? 1 : 2);
      }
    }
  });

  test(`dynamic, ${mode}: a child whose only client was refused is cleaned up too`, async () => {
    const nsp = fresh('/dyn-refuse-');
    const watcher = await connect(tidy, 'websocket');
    const [{ message }] = await once(client(tidy, mode, { nsp }), 'connect_error');
    assert.equal(message, 'Refused');
    await until(async () => !(await watcher.emitWithAck('exists', nsp)), 'the end of the child');
  });

  test(`dynamic, ${mode}: fixed namespaces are not cleaned up`, async () => {
    const root = await connect(tidy, mode);
    const chat = share(root, '/chat');
    await connected(chat);
    const { id } = chat;
    chat.disconnect();
    await tidy.reasonOf(id);
    await marker(root);
    assert.equal(await root.emitWithAck('exists', '/chat'), true);
  });
}

test('dynamic: a client that goes while the function thinks leaves nothing', async () => {
  const nsp = fresh('/fn-');
  const socket = client(tidy, 'websocket', { nsp, ...OPEN });
  await once(socket.io, 'open');
  socket.io.engine.close();
  // One that comes later has its answer later.
  const later = await connect(tidy, 'websocket', { nsp: fresh('/fn-'), ...OPEN });
  await until(async () => !(await later.emitWithAck('exists', nsp)), 'the end of the child');
  await tidy.upTo(later);
  assert.deepEqual(tidy.lines({ event: 'connect', nsp }), []);
});
