// The servers of the official suites: every namespace, event and route of each, once.

import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { Socket } from 'engine.io-client';
import Socket3 from 'engine.io-client-3';
import { MODES, answers, client, connected, upgraded } from '../suite/client.mjs';
import { Polling, address, request } from '../suite/raw.mjs';
import { startOfficial } from '../suite/server.mjs';
import { once, times, until } from '../suite/wait.mjs';

const BYTES = Buffer.from('asdfasdf');
const TEXTS = ['てすと', 'Я Б Г Д Ж Й', 'Ä ä Ü ü ß', 'utf8 — string', 'utf8 — string'];
const MIXED = { hello: 'lol', message: Buffer.from('howdy'), goodbye: 'gotcha' };
const DATE = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

// Starts the server of a suite for the tests of a block; `at.server` is it.
function served(suite) {
  const at = {};
  before(async () => {
    at.server = await startOfficial(suite);
  });
  after(() => at.server.stop());
  return at;
}

// A client that is connected and, in upgrade mode, has upgraded.
async function connect(server, mode, options) {
  const socket = client(server, mode, options);
  await Promise.all([connected(socket), mode === 'upgrade' && upgraded(socket)]);
  return socket;
}

// Emits, and resolves with the arguments of the event that answers.
async function asked(socket, answer, ...event) {
  const come = once(socket, answer);
  socket.emit(...event);
  return come;
}

for (const version of [4, 3, 2]) {
  describe(`socket.io-client ${version}`, () => {
    const at = served(`socket.io-client-${version}`);

    for (const mode of MODES) {
      test(`${mode}: the events of the main namespace`, async () => {
        const socket = await connect(at.server, mode, { version });
        const got = async (...event) => (await asked(socket, ...event))[0];
        await asked(socket, 'hi', 'hi');
        assert.equal(await got('false', 'false'), false);
        assert.deepEqual(Buffer.from(await got('doge', 'doge')), BYTES);
        assert.deepEqual(Buffer.from(await got('takebin', 'getbin')), BYTES);
        assert.match(await got('takeDate', 'getDate'), DATE);
        assert.match((await got('takeDateObj', 'getDateObj')).date, DATE);
        const texts = times(socket, 'takeUtf8', TEXTS.length);
        socket.emit('getUtf8');
        // The last argument of a logged event is its offset.
        assert.deepEqual((await texts).map(([text]) => text), TEXTS);

        socket.once('ack', (...args) => args.at(-1)(5, { test: true }));
        await asked(socket, 'got it', 'ack');
        assert.deepEqual(await answers(socket, 'echo', { a: [1, BYTES] }), [{ a: [1, BYTES] }]);
        assert.match((await answers(socket, 'getAckDate', { test: true }))[0], DATE);
        assert.deepEqual(await answers(socket, 'getId'), [socket.id]);
        assert.ok((await answers(socket, 'getHandshake'))[0].headers.host);
      });

      test(`${mode}: binary events`, async () => {
        const socket = await connect(at.server, mode, { version });
        await asked(socket, 'buffack', 'buffa', BYTES);
        await asked(socket, 'back', 'blob', BYTES);
        await asked(socket, 'jsonbuff-ack', 'jsonbuff', MIXED);
        await asked(socket, 'jsonblob-ack', 'jsonblob', MIXED);
        socket.emit('abuff1', BYTES);
        await asked(socket, 'abuff2-ack', 'abuff2', BYTES);
        socket.emit('blob1', BYTES);
        socket.emit('blob2', 'second');
        await asked(socket, 'blob3-ack', 'blob3', BYTES);

        // What is not as it should be gets no answer.
        const wrong = [];
        for (const name of ['buffack', 'back', 'jsonbuff-ack', 'abuff2-ack', 'blob3-ack']) socket.on(name, () => wrong.push(name));
        socket.emit('buffa', 'text');
        socket.emit('blob', { not: BYTES });
        socket.emit('jsonbuff', { ...MIXED, hello: 'x' });
        socket.emit('jsonbuff', { ...MIXED, message: 'text' });
        socket.emit('abuff1', 'text');
        socket.emit('abuff2', BYTES);
        socket.emit('blob1', BYTES);
        socket.emit('blob2', 'third');
        socket.emit('blob3', BYTES);
        await asked(socket, 'hi', 'hi');
        assert.deepEqual(wrong, []);
      });

      test(`${mode}: the other namespaces`, async () => {
        for (const nsp of ['/timeout_socket', '/valid', '/asd']) {
          const socket = await connect(at.server, mode, { version, nsp });
          socket.disconnect();
        }
        const foo = await connect(at.server, mode, { version, nsp: '/foo' });
        assert.deepEqual(await answers(foo, 'getId'), [foo.id]);

        const abc = client(at.server, mode, { version, nsp: '/abc', query: { a: 'b' }, auth: { c: 'd' } });
        const [handshake] = await once(abc, 'handshake');
        assert.equal(handshake.query.a, 'b');
        if (version > 2) assert.deepEqual(handshake.auth, { c: 'd' });
      });

      test(`${mode}: refusals`, async () => {
        const refused = version === 2 ? 'error' : 'connect_error';
        const refusal = async (nsp, query) => {
          const [err] = await once(client(at.server, mode, { version, nsp, query }), refused);
          return err.message ?? err;
        };
        assert.equal(await refusal('/no'), 'Auth failed (custom namespace)');
        assert.equal(await refusal('/', { fail: 'true' }), 'Auth failed (main namespace)');
      });
    }

    test('the heartbeat, and who is let in', async () => {
      const { handshake } = version === 2 ? {} : await Polling.open(at.server);
      assert.equal(handshake?.pingInterval ?? 2000, 2000);
      const { status } = await request(at.server, { EIO: '3', transport: 'polling' });
      assert.equal(status, version === 2 ? 200 : 400);
    });
  });
}

test('socket.io-client 4: a socket comes back as what it was', async () => {
  const server = await startOfficial('socket.io-client-4');
  const socket = client(server, 'websocket', { reconnection: true, reconnectionDelay: 10 });
  await once(socket, 'connect');
  const { id } = socket;
  await asked(socket, 'hi', 'hi');
  const again = once(socket, 'connect');
  socket.io.engine.close();
  await again;
  assert.equal(socket.id, id);
  assert.equal(socket.recovered, true);
  socket.disconnect();
  await server.stop();
});

for (const version of [6, 3]) {
  describe(`engine.io-client ${version}`, () => {
    const at = served(`engine.io-client-${version}`);
    const Client = version === 3 ? Socket3 : Socket;
    const live = [];
    afterEach(() => live.splice(0).forEach((socket) => socket.close()));

    const start = (options) => {
      const socket = new Client(at.server.url, options);
      live.push(socket);
      return socket;
    };
    const said = async (socket, message) => {
      const come = once(socket, 'message');
      socket.send(message);
      return (await come)[0];
    };

    for (const [mode, transports] of [['polling', ['polling']], ['websocket', ['websocket']], ['upgrade', ['polling', 'websocket']]]) {
      test(`${mode}: what is said comes back`, async () => {
        const socket = start({ transports });
        assert.deepEqual(await once(socket, 'message'), ['hi']);
        if (mode === 'upgrade') await until(() => socket.transport.name === 'websocket', 'upgrade');
        assert.equal(await said(socket, 'cash money €€€'), 'cash money €€€');
        assert.deepEqual(Buffer.from(await said(socket, BYTES)), BYTES);
        assert.deepEqual(Buffer.from(await said(socket, 'give binary')), Buffer.from([0, 1, 2, 3, 4]));
        assert.match(await said(socket, 'give utf8'), /^пойду с.*покойной ночи$/);
        assert.equal(await said(socket, 'give utf8'), version === 6 ? 'пойду спать всем спокойной ночи' : 'пойду сать всем мпокойной ночи');
      });
    }

    test('the cookies of the handshake, and the fields of the POST', async () => {
      const { headers } = await request(at.server, { EIO: String(version === 6 ? 4 : 3), transport: 'polling' }, { path: '/engine.io/' });
      const cookies = headers.getSetCookie();
      assert.deepEqual(cookies.slice(0, 3), ['1=1; Max-Age=86400', '2=2; Path=/; HttpOnly; Secure; SameSite=Strict', '3=3; Max-Age=0']);
      assert.match(cookies[3], /^4=4; Expires=.* GMT$/);
      const socket = start({ transports: ['polling'], extraHeaders: { 'x-mark': 'this' } });
      await once(socket, 'message');
      assert.equal(JSON.parse(await said(socket, 'sendHeaders'))['x-mark'], 'this');
    });

    if (version === 6) {
      test('cookies that a client keeps, and those that it does not', async () => {
        for (const [withCredentials, cookie] of [[true, '1=1; 2=2'], [false, undefined]]) {
          const socket = start({ transports: ['polling'], withCredentials });
          await once(socket, 'message');
          assert.equal(JSON.parse(await said(socket, 'sendHeaders')).cookie, cookie);
        }
      });

      test('a limit of 100 bytes, and who is denied', async () => {
        const params = { EIO: '4', transport: 'polling' };
        const opened = await request(at.server, params, { path: '/engine.io/' });
        assert.match(opened.body, /"pingInterval":500,.*"maxPayload":100}/);
        assert.equal((await request(at.server, { ...params, deny: '1' }, { path: '/engine.io/' })).status, 403);
        const { sid } = JSON.parse(opened.body.split('\x1e')[0].slice(1));
        const large = await request(at.server, { ...params, sid }, { path: '/engine.io/', method: 'POST', body: '4' + 'a'.repeat(100) });
        assert.deepEqual([large.status, large.body], [413, '']);
      });
    }
  });
}

describe('protocols', () => {
  const handshake = /^0{"sid":"[\w-]{20}","upgrades":\["websocket"\],"pingInterval":300,"pingTimeout":200,"maxPayload":1000000}$/;

  for (const [suite, EIO, sent, back] of [
    ['engine.io-protocol-4', '4', '4hello\x1ebAQIDBA==', '4hello\x1ebAQIDBA=='],
    ['engine.io-protocol-3', '3', '6:4hello10:b4AQIDBA==', '6:4hello10:b4AQIDBA=='],
  ]) {
    test(`${suite}: an echo of every message`, async () => {
      const server = await startOfficial(suite);
      const params = { EIO, transport: 'polling', ...(EIO === '3' && { b64: '1' }) };
      const ask = (more, init) => request(server, { ...params, ...more }, { path: '/engine.io/', ...init });
      const opened = await ask();
      assert.equal(opened.headers.get('access-control-allow-origin'), '*');
      const body = opened.body.replace(/^\d+:/, '');
      assert.match(body, handshake);
      const { sid } = JSON.parse(body.slice(1));
      assert.equal((await ask({ sid }, { method: 'POST', body: sent })).status, 200);
      assert.equal((await ask({ sid })).body, back);
      await server.stop();
    });
  }

  test('socket.io-protocol-5: both namespaces', async () => {
    const server = await startOfficial('socket.io-protocol-5');
    assert.match((await fetch(address(server, { EIO: '4', transport: 'polling' })).then((res) => res.text())), handshake);
    for (const nsp of ['/', '/custom']) {
      const socket = client(server, 'websocket', { nsp, auth: { token: '123' } });
      assert.deepEqual(await once(socket, 'auth'), [{ token: '123' }]);
      if (nsp === '/') {
        assert.deepEqual(await asked(socket, 'message-back', 'message', 1, '2', { 3: [BYTES] }), [1, '2', { 3: [BYTES] }]);
        assert.deepEqual(await answers(socket, 'message-with-ack', 1, '2', { 3: [BYTES] }), [1, '2', { 3: [BYTES] }]);
      }
    }
    await server.stop();
  });
});
