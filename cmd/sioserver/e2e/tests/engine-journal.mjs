// What the engine tells the application: refused requests with their cause, and the headers of answers.

import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import WebSocket from 'ws';
import { Polling, RawWebSocket, address, endWebSockets, request } from '../suite/raw.mjs';
import { startServer } from '../suite/server.mjs';
import { once, within } from '../suite/wait.mjs';

const POLLING = { EIO: '4', transport: 'polling' };
const WEBSOCKET = { EIO: '4', transport: 'websocket' };

let server;
let marked;
before(async () => {
  [server, marked] = await Promise.all([startServer(), startServer({ markHeaders: true, cookie: 'io' })]);
});
after(() => Promise.all([server.stop(), marked.stop()]));
afterEach(endWebSockets);

const MESSAGES = [
  'Transport unknown',
  'Session ID unknown',
  'Bad handshake method',
  'Bad request',
  'Forbidden',
  'Unsupported protocol version',
];

// The journal holds the lines of other tests as well: each refusal here has a context of its own.
const refusal = (code, context) => ({ event: 'connection_error', code, message: MESSAGES[code], context });

test('engine journal: a transport nobody knows, over HTTP and over websocket', async () => {
  await request(server, { ...POLLING, transport: 'carrier' });
  await server.saw(refusal(0, { transport: 'carrier' }));
  await new RawWebSocket(server, { ...WEBSOCKET, transport: 'pigeon' }).refusal();
  await server.saw(refusal(0, { transport: 'pigeon' }));
});

test('engine journal: a session nobody knows, over HTTP and over websocket', async () => {
  await request(server, { ...POLLING, sid: 'nobody' });
  await server.saw(refusal(1, { sid: 'nobody' }));
  await new RawWebSocket(server, { ...WEBSOCKET, sid: 'noone' }).refusal();
  await server.saw(refusal(1, { sid: 'noone' }));
});

test('engine journal: a handshake by another method', async () => {
  await request(server, POLLING, { method: 'PUT', body: '' });
  await server.saw(refusal(2, { method: 'PUT' }));
});

test('engine journal: a websocket handshake that is none', async () => {
  await request(server, WEBSOCKET);
  await server.saw(refusal(3, { name: 'TRANSPORT_HANDSHAKE_ERROR' }));
});

test('engine journal: a session asked for by another transport', async () => {
  const raw = await RawWebSocket.open(server);
  assert.equal((await request(server, { ...POLLING, sid: raw.sid })).status, 400);
  await server.saw(
    refusal(3, { name: 'TRANSPORT_MISMATCH', transport: 'polling', previousTransport: 'websocket' }),
  );
});

test('engine journal: another protocol', async () => {
  await request(server, { ...POLLING, EIO: '3' });
  await server.saw(refusal(5, { protocol: 3 }));
});

test('engine journal: what is accepted is not in it', async () => {
  const own = await startServer();
  try {
    const session = await Polling.join(own);
    await session.post('42["message",1]');
    await session.read(1);
    const raw = await RawWebSocket.join(own);
    raw.send('42["note","end"]');
    await own.saw({ event: 'note', args: ['end'] });
    assert.deepEqual(own.lines({ event: 'connection_error' }), []);
  } finally {
    await own.stop();
  }
});

test('engine headers: the first answer of a session, and every one', async () => {
  const session = await Polling.open(marked);
  const seen = async (init) => {
    const res = await within(fetch(address(marked, session.params), init), 'answer');
    await res.arrayBuffer();
    return [res.headers.get('x-sio-first'), res.headers.get('x-sio-every')];
  };
  const first = await fetch(address(marked, POLLING));
  assert.deepEqual([first.headers.get('x-sio-first'), first.headers.get('x-sio-every')], ['yes', 'yes']);
  assert.deepEqual(await seen({ method: 'POST', body: '40' }), [null, 'yes']);
  assert.deepEqual(await seen(), [null, 'yes']);
});

test('engine headers: a cookie of the application goes beside that of the session', async () => {
  const res = await fetch(address(marked, POLLING));
  const { sid } = JSON.parse((await res.text()).slice(1));
  const cookies = res.headers.getSetCookie();
  assert.deepEqual(cookies.toSorted(), ['first=1', `io=${sid}; Path=/; HttpOnly; SameSite=Lax`]);
});

async function upgradeHeaders(params) {
  const ws = new WebSocket(`${marked.wsUrl}/socket.io/?${new URLSearchParams(params)}`);
  ws.on('error', () => {});
  const [res] = await once(ws, 'upgrade');
  ws.terminate();
  return res.headers;
}

test('engine headers: the answer to a websocket that opens a session, and to an upgrade', async () => {
  const first = await upgradeHeaders(WEBSOCKET);
  assert.deepEqual([first['x-sio-first'], first['x-sio-every']], ['yes', 'yes']);
  // The session's own cookie is for polling, where requests have to find their way.
  assert.deepEqual(first['set-cookie'], ['first=1']);
  const session = await Polling.open(marked);
  const later = await upgradeHeaders({ ...WEBSOCKET, sid: session.sid });
  assert.deepEqual([later['x-sio-first'], later['x-sio-every']], [undefined, 'yes']);
});

test('engine headers: not on refusals', async () => {
  const res = await request(marked, { ...POLLING, sid: 'nobody' });
  assert.equal(res.status, 400);
  assert.deepEqual([res.headers.get('x-sio-first'), res.headers.get('x-sio-every')], [null, null]);
});
