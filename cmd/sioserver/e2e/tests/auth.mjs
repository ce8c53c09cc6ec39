// What a client brings to the handshake, and how a middleware refuses it.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { MODES, client, connect, connected, marker, share } from '../suite/client.mjs';
import { startServer } from '../suite/server.mjs';
import { gather, once } from '../suite/wait.mjs';

let server;
before(async () => (server = await startServer()));
after(() => server.stop());

const PAYLOADS = {
  'nothing': [undefined, {}],
  'an empty object': [{}, {}],
  'a token': [{ token: 'abc' }, { token: 'abc' }],
  'nested values': [{ a: { b: [1, null, { c: false }] } }, { a: { b: [1, null, { c: false }] } }],
  'special characters': [{ '&=?': 'ü "\\\n\u001e 😀' }, { '&=?': 'ü "\\\n\u001e 😀' }],
  'a long token': [{ token: 'x'.repeat(10_000) }, { token: 'x'.repeat(10_000) }],
};

for (const mode of MODES) {
  for (const [name, [auth, seen]] of Object.entries(PAYLOADS)) {
    test(`auth, ${mode}: the payload reaches the server: ${name}`, async () => {
      const socket = client(server, mode, { auth });
      const first = once(socket, 'auth');
      await connected(socket);
      assert.deepEqual(await first, [seen]);
      assert.deepEqual((await socket.emitWithAck('handshake')).auth, seen);
    });
  }

  test(`auth, ${mode}: a function gives the payload at each connection`, async () => {
    let calls = 0;
    const socket = client(server, mode, { auth: (give) => give({ call: ++calls }) });
    const seen = gather(socket, 'auth');
    await connected(socket);
    await marker(socket);
    socket.disconnect().connect();
    await connected(socket);
    await marker(socket);
    assert.deepEqual(seen, [[{ call: 1 }], [{ call: 2 }]]);
  });

  test(`auth, ${mode}: query and headers of the handshake`, async () => {
    const socket = await connect(server, mode, {
      query: { plain: 'text', odd: 'a b&c=d+é' },
      extraHeaders: { 'X-Sio-Test': 'header' },
    });
    const { query, headers } = await socket.emitWithAck('handshake');
    assert.equal(query.plain, 'text');
    assert.equal(query.odd, 'a b&c=d+é');
    assert.equal(query.EIO, '4');
    assert.equal(query.transport, mode === 'websocket' ? 'websocket' : 'polling');
    assert.equal(headers['x-sio-test'], 'header');
    assert.equal(headers.host, server.host);
  });

  test(`auth, ${mode}: parameters with the address of a namespace, odd names among them`, async () => {
    for (const version of [4, 3]) {
      for (const nsp of ['/', '/custom']) {
        const address = client(server, mode, { version, nsp: `${nsp}?b=c&d=e` });
        await connected(address);
        const { query } = await address.emitWithAck('handshake');
        assert.deepEqual([address.nsp, query.b, query.d], [nsp, 'c', 'e']);
        const option = await connect(server, mode, { version, nsp, query: { '&a': '&=?a' } });
        assert.equal((await option.emitWithAck('handshake')).query['&a'], '&=?a');
      }
    }
  });

  test(`auth, ${mode}: each namespace sees its own payload`, async () => {
    const root = await connect(server, mode, { auth: { at: 'root' } });
    const custom = share(root, '/custom', { auth: { at: 'custom' } });
    await connected(custom);
    assert.deepEqual((await root.emitWithAck('handshake')).auth, { at: 'root' });
    assert.deepEqual((await custom.emitWithAck('handshake')).auth, { at: 'custom' });
  });

  test(`auth, ${mode}: a middleware refuses with a message and data`, async () => {
    const socket = client(server, mode, { nsp: '/guarded', auth: { token: 'wrong' } });
    const [error] = await once(socket, 'connect_error');
    assert.equal(error instanceof Error, true);
    assert.equal(error.message, 'Not authorized');
    assert.deepEqual(error.data, { code: 401, hint: 'token' });
    assert.equal(socket.connected, false);
    assert.equal(socket.active, false);
  });

  test(`auth, ${mode}: a middleware refuses without data`, async () => {
    const socket = client(server, mode, { nsp: '/refuse' });
    const [error] = await once(socket, 'connect_error');
    assert.equal(error.message, 'Refused');
    assert.equal(error.data, undefined);
  });

  test(`auth, ${mode}: the right token passes all middlewares in order`, async () => {
    const socket = await connect(server, mode, { nsp: '/guarded', auth: { token: 'secret' } });
    assert.deepEqual(await socket.emitWithAck('steps'), ['one', 'two']);
  });

  test(`auth, ${mode}: a second try on the same connection with a better token`, async () => {
    const root = await connect(server, mode);
    const guarded = share(root, '/guarded', { auth: {} });
    await once(guarded, 'connect_error');
    guarded.auth = { token: 'secret' };
    guarded.connect();
    await connected(guarded);
    assert.equal(guarded.io, root.io);
    await marker(guarded);
    await marker(root);
  });

  test(`auth, ${mode}: the refused never counts as connected`, async () => {
    const root = await connect(server, mode);
    const refused = share(root, '/refuse');
    await once(refused, 'connect_error');
    await marker(root);
    assert.equal(server.journal.some((line) => line.nsp === '/refuse'), false);
  });
}
