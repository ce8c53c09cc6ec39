// Official clients of versions 2 and 3 on the three transports: connecting, events, answers, binary, rooms.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, test } from 'node:test';
import { MODES, answers, client, connect, connected, marker, settled, share } from '../suite/client.mjs';
import { startServer } from '../suite/server.mjs';
import { gather, once, until } from '../suite/wait.mjs';

let server;
before(async () => (server = await startServer({ eio3: true })));
after(() => server.stop());

const SHAPES = {
  'one buffer': () => [Buffer.from([1, 2, 3])],
  'no bytes at all': () => [Buffer.alloc(0)],
  'text around a buffer': () => ['é😀', Buffer.from('mid'), 'after', 4],
  'several, nested': () => [{ a: { b: [Buffer.from([1]), { c: Buffer.from([2, 3]) }] }, d: 'text' }, [randomBytes(2000)]],
  'ten attachments': () => Array.from({ length: 10 }, (_, i) => randomBytes(i * 7)),
};

for (const version of [2, 3]) {
  for (const mode of MODES) {
    const title = `version ${version}, ${mode}`;

    test(`${title}: the main namespace is joined, with one id on both sides`, async () => {
      const socket = await connect(server, mode, { version });
      await server.saw({ event: 'connect', nsp: '/', sid: socket.id });
      assert.equal(await socket.emitWithAck('transport'), settled(mode));
      // Up to version 2 the socket has the id of its connection.
      assert.equal(socket.id === socket.io.engine.id, version === 2);
      const { query } = await socket.emitWithAck('handshake');
      assert.equal(query.EIO, version === 2 ? '3' : '4');
    });

    test(`${title}: events in both directions keep their content and order`, async () => {
      const socket = await connect(server, mode, { version });
      const back = gather(socket, 'message-back');
      const sent = [[1], ['té😀xt', null, [true, { z: 1, a: 'ü' }]], ['\u001e\n\\"'], [], ['x'.repeat(5000)]];
      for (const args of sent) socket.emit('message', ...args);
      socket.send('by send');
      await marker(socket);
      assert.deepEqual(back, [...sent, ['by send']]);
      const sequence = gather(socket, 'seq');
      socket.emit('sequence', 100);
      await marker(socket);
      assert.deepEqual(sequence, Array.from({ length: 100 }, (_, i) => [i]));
    });

    test(`${title}: answers in both directions`, async () => {
      const socket = await connect(server, mode, { version });
      assert.deepEqual(await answers(socket, 'message-with-ack', 1, 'two', { three: 3 }), [1, 'two', { three: 3 }]);
      assert.deepEqual(await answers(socket, 'message-with-ack'), []);
      socket.on('question', (...args) => args.pop()(...args, 'answered'));
      const answer = once(socket, 'answer');
      socket.emit('ask', 'é', [1]);
      assert.deepEqual(await answer, ['é', [1], 'answered']);
      assert.deepEqual(await Promise.all([1, 2, 3].map((n) => socket.emitWithAck('message-with-ack', n))), [1, 2, 3]);
    });

    for (const [name, make] of Object.entries(SHAPES)) {
      test(`${title}: binary comes back: ${name}`, async () => {
        const socket = await connect(server, mode, { version });
        const args = make();
        const echoed = once(socket, 'echo');
        assert.deepEqual(await answers(socket, 'echo', ...args), args);
        assert.deepEqual(await echoed, args);
      });
    }

    test(`${title}: the server's own binary, and binary in the client's answer`, async () => {
      const socket = await connect(server, mode, { version });
      const given = once(socket, 'binary');
      socket.emit('give-binary');
      const [all, nested, seven] = await given;
      assert.deepEqual([...all], Array.from({ length: 256 }, (_, i) => i));
      assert.deepEqual(nested.list, [Buffer.from([1, 2, 3]), { deep: Buffer.from([4, 5]) }]);
      assert.deepEqual([nested.empty.length, nested.n, seven], [0, 1, 7]);

      socket.on('question', (buffer, ack) => ack({ back: buffer }, Buffer.from('more')));
      const answer = once(socket, 'answer');
      socket.emit('ask', Buffer.from('ask'));
      assert.deepEqual(await answer, [{ back: Buffer.from('ask') }, Buffer.from('more')]);
    });

    test(`${title}: text and binary keep their order`, async () => {
      const socket = await connect(server, mode, { version });
      const back = gather(socket, 'message-back');
      const sent = Array.from({ length: 40 }, (_, i) => [i % 3 ? `é${i}` : Buffer.from([i])]);
      for (const args of sent) socket.emit('message', ...args);
      await marker(socket);
      assert.deepEqual(back, sent);
    });

    test(`${title}: namespaces share the connection, each with its query or auth`, async () => {
      const root = await connect(server, mode, { version });
      const given = version === 2 ? { query: { who: 'é &', n: '1' } } : { auth: { who: 'é &', n: '1' } };
      const custom = share(root, '/custom', given);
      const auth = once(custom, 'auth');
      await connected(custom);
      assert.equal(custom.io, root.io);
      assert.deepEqual(await auth, [{ who: 'é &', n: '1' }]);
      await server.saw({ event: 'connect', nsp: '/custom', sid: custom.id });
      if (version === 2) assert.equal(custom.id, `/custom#${root.io.engine.id}`);
      const strays = gather(root, 'echo');
      assert.equal(await custom.emitWithAck('echo', 'custom'), 'custom');
      await marker(root);
      assert.deepEqual(strays, []);
    });

    test(`${title}: a dynamic namespace`, async () => {
      const socket = await connect(server, mode, { version, nsp: '/dyn-7' });
      assert.equal(await socket.emitWithAck('echo', 'dynamic'), 'dynamic');
    });

    test(`${title}: rooms and broadcasts`, async () => {
      const nsp = `/dyn-${version}${MODES.indexOf(mode)}`;
      const [a, b, c] = await Promise.all([1, 2, 3].map(() => connect(server, mode, { version, nsp })));
      await Promise.all([a.emitWithAck('join', 'x'), b.emitWithAck('join', 'x')]);
      assert.deepEqual(await c.emitWithAck('members', 'x'), [a.id, b.id].sort());
      const heard = [a, b, c].map((socket) => gather(socket, 'room'));
      const all = [a, b, c].map((socket) => gather(socket, 'bcast'));
      c.emit('room', 'x', 'from outside');
      a.emit('room-others', 'x', Buffer.from('others'));
      await marker(a);
      c.emit('room', b.id, 'one');
      c.emit('bcast', 'all');
      await marker(c);
      await until(() => all.every((list) => list.length === 1), 'broadcast at all three');
      const outside = ['x', 'from outside'];
      assert.deepEqual(heard[0], [outside]);
      assert.deepEqual(heard[1].toSorted(), [outside, ['x', Buffer.from('others')], [b.id, 'one']].toSorted());
      assert.deepEqual(heard[2], []);
      await a.emitWithAck('leave', 'x');
      assert.deepEqual(await c.emitWithAck('members', 'x'), [b.id]);
    });

    test(`${title}: a broadcast is answered by all`, async () => {
      const nsp = `/dyn-1${version}${MODES.indexOf(mode)}`;
      const [a, b] = await Promise.all([1, 2].map(() => connect(server, mode, { version, nsp })));
      for (const [i, socket] of [a, b].entries()) socket.on('question', (x, ack) => ack(`${x}${i}`));
      const [err, list] = await answers(a, 'ask-all', 10_000, 'q');
      assert.equal(err, null);
      assert.deepEqual(list.sort(), ['q0', 'q1']);
    });

    test(`${title}: what is emitted before the connection goes out with it`, async () => {
      const socket = client(server, mode, { version });
      const back = gather(socket, 'message-back');
      for (const n of [1, 2, 3]) socket.emit('message', n);
      await connected(socket);
      await marker(socket);
      assert.deepEqual(back, [[1], [2], [3]]);
    });
  }
}

for (const mode of ['polling', 'websocket']) {
  test(`version 2, ${mode}: forceBase64`, async () => {
    const socket = await connect(server, mode, { version: 2, forceBase64: true });
    const bytes = [Buffer.from(Array.from({ length: 256 }, (_, i) => i)), randomBytes(10), randomBytes(11), 'é'];
    const echoed = once(socket, 'echo');
    assert.deepEqual(await answers(socket, 'echo', ...bytes), bytes);
    assert.deepEqual(await echoed, bytes);
  });
}
