// Engine.IO 3 by hand: payloads in their three forms, JSONP, heartbeat, websocket frames, and what ends a session.

import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { binary, readBinary, readText, text } from '../suite/payload3.mjs';
import { RawWebSocket, address, endWebSockets, request } from '../suite/raw.mjs';
import { startServer } from '../suite/server.mjs';
import { within } from '../suite/wait.mjs';

const POLLING = { EIO: '3', transport: 'polling' };
const WEBSOCKET = { EIO: '3', transport: 'websocket' };
const FORM = { 'Content-Type': 'application/x-www-form-urlencoded' };
const OCTETS = { 'Content-Type': 'application/octet-stream' };
const GREETING = ['40', '42["auth",{}]'];
const ONE = '{"_placeholder":true,"num":0}';

let server;
before(async () => (server = await startServer({ eio3: true })));
after(() => server.stop());
afterEach(endWebSockets);

async function poll(session, read = readText) {
  const res = await within(fetch(address(server, session)), 'answer to a poll');
  const body = Buffer.from(await res.arrayBuffer());
  if (res.status !== 200) throw new Error(`poll: ${res.status} ${body}`);
  return { type: res.headers.get('content-type'), list: read(read === readText ? body.toString() : body) };
}

const post = (session, body, headers) => request(server, session, { method: 'POST', body, headers });

// Reads packets until `n` are in: what is sent in one turn need not share a payload.
async function packets(session, n) {
  const got = [];
  while (got.length < n) got.push(...(await poll(session)).list);
  return got;
}

// A session with the greeting read away: the parameters of its requests. Without b64 binary comes as octets.
async function join(params = { b64: '1' }) {
  const res = await request(server, { ...POLLING, ...params });
  assert.equal(res.status, 200);
  const [open] = readText(res.body);
  const session = { ...POLLING, ...params, sid: JSON.parse(open.slice(1)).sid };
  assert.deepEqual(await packets(session, 2), GREETING);
  return session;
}

test('eio3: the handshake over polling', async () => {
  const res = await request(server, POLLING);
  assert.equal(res.status, 200);
  const [open] = readText(res.body);
  assert.equal(open[0], '0');
  const data = JSON.parse(open.slice(1));
  assert.deepEqual(Object.keys(data).slice(0, 4), ['sid', 'upgrades', 'pingInterval', 'pingTimeout']);
  assert.deepEqual([data.upgrades, data.pingInterval, data.pingTimeout], [['websocket'], 25_000, 20_000]);
});

for (const EIO of [undefined, '3', '2', 'abc']) {
  test(`eio3: EIO ${EIO} is spoken to as 3`, async () => {
    const res = await request(server, EIO ? { ...POLLING, EIO } : { transport: 'polling' });
    assert.equal(res.status, 200);
    assert.equal(readText(res.body)[0][0], '0');
  });
}

test('eio3: lengths count UTF-16 code units in both directions', async () => {
  const session = await join();
  const message = '42["message","é","😀","ࠀ"]';
  assert.equal((await post(session, text(message, '42["message",2]'))).body, 'ok');
  assert.deepEqual(await packets(session, 2), ['42["message-back","é","😀","ࠀ"]', '42["message-back",2]']);
});

test('eio3: binary as base64', async () => {
  const session = await join();
  await post(session, text(`451-["message",${ONE}]`, 'b4AQID/w=='));
  assert.deepEqual(await packets(session, 2), [`451-["message-back",${ONE}]`, 'b4AQID/w==']);
});

test('eio3: binary as octets, with text between', async () => {
  const session = await join({});
  const bytes = Buffer.from([1, 2, 3, 255, 0]);
  const header = `452-["message",${ONE},"é😀",{"_placeholder":true,"num":1}]`;
  const big = Buffer.alloc(300, 7);
  await post(session, binary(header, bytes, big), OCTETS);
  const answer = await poll(session, readBinary);
  assert.equal(answer.type, 'application/octet-stream');
  const got = answer.list;
  while (got.length < 3) got.push(...(await poll(session, readBinary)).list);
  assert.deepEqual(got, [header.replace('message', 'message-back'), bytes, big]);
});

test('eio3: text alone stays text for a client that can take octets', async () => {
  const session = await join({});
  await post(session, binary('42["message",1]'), OCTETS);
  const { type, list } = await poll(session);
  assert.match(type, /^text\/plain/);
  assert.deepEqual(list, ['42["message-back",1]']);
});

test('eio3: the client pings, the server answers', async () => {
  const session = await join();
  await post(session, text('2'));
  assert.deepEqual((await poll(session)).list, ['3']);
});

test('eio3: JSONP in both directions', async () => {
  const wrapped = (body) => /^___eio\[7\]\((.*)\);$/s.exec(body)?.[1];
  const params = { ...POLLING, j: '7', b64: '1' };
  const res = await request(server, params);
  const [open] = readText(JSON.parse(wrapped(res.body)));
  const session = { ...params, sid: JSON.parse(open.slice(1)).sid };
  const read = async (n) => {
    const got = [];
    while (got.length < n) {
      const { body } = await within(request(server, session), 'answer to a poll');
      assert.equal(/[\u2028\u2029]/.test(body), false);
      got.push(...readText(JSON.parse(wrapped(body))));
    }
    return got;
  };
  assert.deepEqual(await read(2), GREETING);
  // A script, so two characters that end lines there are escaped; a newline of JSON is doubled on the way in.
  const message = '42["message","a\\nb","\u2028\u2029","é😀&=+"]';
  const form = new URLSearchParams({ d: text(message).replaceAll('\\n', '\\\\n') }).toString();
  assert.equal((await post(session, form, FORM)).body, 'ok');
  assert.deepEqual(await read(1), [message.replace('message', 'message-back')]);
  await post(session, new URLSearchParams({ d: text(`451-["message",${ONE}]`, 'b4AQID') }).toString(), FORM);
  assert.deepEqual(await read(2), [`451-["message-back",${ONE}]`, 'b4AQID']);
});

test('eio3: the name of the JSONP function holds digits only', async () => {
  const { body } = await request(server, { ...POLLING, j: '1);alert(2' });
  assert.match(body, /^___eio\[12\]\("/);
});

test('eio3: websocket frames', async () => {
  const raw = new RawWebSocket(server, WEBSOCKET, { pong: false });
  assert.equal((await raw.next())[0], '0');
  assert.deepEqual(await raw.read(2), GREETING);
  raw.send('2');
  assert.equal(await raw.next(), '3');
  raw.send(`451-["message",${ONE}]`, Buffer.from([4, 1, 2, 3]));
  assert.deepEqual(await raw.read(2), [`451-["message-back",${ONE}]`, Buffer.from([4, 1, 2, 3])]);
  raw.send(`451-["message",${ONE}]`, 'b4AQID');
  assert.deepEqual(await raw.read(2), [`451-["message-back",${ONE}]`, Buffer.from([4, 1, 2, 3])]);
});

test('eio3: websocket with b64 gets base64', async () => {
  const raw = new RawWebSocket(server, { ...WEBSOCKET, b64: '1' }, { pong: false });
  await raw.read(3);
  raw.send(`451-["message",${ONE}]`, 'b4AQID');
  assert.deepEqual(await raw.read(2), [`451-["message-back",${ONE}]`, 'b4AQID']);
});

test('eio3: the upgrade, step by step', async () => {
  const session = await join();
  const held = poll(session);
  const raw = new RawWebSocket(server, { ...WEBSOCKET, sid: session.sid }, { pong: false });
  await within(new Promise((resolve) => raw.ws.once('open', resolve)), 'open');
  raw.send('2probe');
  assert.equal(await raw.next(), '3probe');
  assert.deepEqual((await held).list, ['6']);
  raw.send('5', '42["message","moved"]');
  assert.equal(await raw.next(), '42["message-back","moved"]');
  assert.equal((await request(server, session)).status, 400);
});

test('eio3: a session keeps its protocol', async () => {
  const session = await join();
  const res = await request(server, { ...session, EIO: '4' });
  assert.equal(res.status, 400);
  assert.equal(JSON.parse(res.body).code, 3);
  await server.saw({
    event: 'connection_error',
    code: 3,
    context: { name: 'PROTOCOL_MISMATCH', protocol: 4, previousProtocol: 3 },
  });
  await post(session, text('2'));
  assert.deepEqual((await poll(session)).list, ['3']);
});

const MALFORMED = ['abc', '5:4hi', '2:4', '', '1:9', '-1:4a', '1:2x', ':4', '99999999999999999999:4', `${text('42["message",1]')}4`];

for (const body of MALFORMED) {
  test(`eio3: ${JSON.stringify(body)} ends the session`, async () => {
    const session = await join();
    const { status } = await post(session, body);
    assert.ok(status === 200 || status === 400, `${status}`);
    assert.equal(await server.reasonOf(session.sid), 'parse error');
  });
}

test('eio3: octets that are no payload end the session', async () => {
  // No end of the length, and a packet of an unknown type.
  for (const bytes of [[0, 1], [0, 2, 255, 57, 120]]) {
    const session = await join({});
    await post(session, Buffer.from(bytes), OCTETS);
    assert.equal(await server.reasonOf(session.sid), 'parse error');
  }
});

test('eio3: a pong from the client ends the session', async () => {
  const raw = new RawWebSocket(server, WEBSOCKET, { pong: false });
  const { sid } = JSON.parse((await raw.next()).slice(1));
  await raw.read(2);
  raw.send('3');
  await raw.end();
  assert.match(await server.reasonOf(sid), /^(transport error|parse error)$/);
});
