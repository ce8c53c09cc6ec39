// Engine.IO protocol 4 by hand: long polling, request by request.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Polling, payload, request } from '../suite/raw.mjs';
import { startServer } from '../suite/server.mjs';

const LIMIT = 50_000;

let server;
before(async () => (server = await startServer({ maxPayload: LIMIT })));
after(() => server.stop());

const errorBody = (code, message) => JSON.stringify({ code, message });

// The session is closed: the next poll is refused as unknown.
async function assertGone(session) {
  const res = await session.get();
  assert.equal(res.status, 400);
  assert.equal(res.body, errorBody(1, 'Session ID unknown'));
}

// An event goes through and comes back: the session lives.
async function assertLives(session, text = 'alive') {
  assert.equal((await session.post(`42["message","${text}"]`)).body, 'ok');
  assert.deepEqual(await session.read(1), [`42["message-back","${text}"]`]);
}

test('polling: one packet there, one back', async () => {
  const session = await Polling.join(server);
  const res = await session.post('42["message","hello"]');
  assert.equal(res.status, 200);
  assert.equal(res.body, 'ok');
  assert.equal(res.headers.get('content-type'), 'text/html');
  assert.equal(res.headers.get('content-length'), '2');
  assert.equal(res.headers.get('cache-control'), 'no-store');
  const poll = await session.get();
  assert.equal(poll.headers.get('content-type')?.toLowerCase(), 'text/plain; charset=utf-8');
  assert.equal(poll.headers.get('cache-control'), 'no-store');
  assert.equal(poll.body, '42["message-back","hello"]');
});

test('polling: several packets in one payload, answered in one payload', async () => {
  const session = await Polling.join(server);
  await session.post(payload('42["message","a"]', '42["message","b"]', '42["message","c"]'));
  const answers = ['42["message-back","a"]', '42["message-back","b"]', '42["message-back","c"]'];
  assert.deepEqual(await session.read(3), answers);
});

test('polling: binary as base64, with text around it', async () => {
  const session = await Polling.join(server);
  await session.post(payload('451-["message",{"_placeholder":true,"num":0}]', 'bAQIDBA==', '42["message","é😀"]'));
  assert.deepEqual(await session.read(3), [
    '451-["message-back",{"_placeholder":true,"num":0}]',
    'bAQIDBA==',
    '42["message-back","é😀"]',
  ]);
});

test('polling: the content type of a POST does not matter', async () => {
  for (const type of ['text/plain', 'text/plain;charset=UTF-8', 'application/json', 'application/x-www-form-urlencoded']) {
    const session = await Polling.join(server);
    const res = await session.post('42["message",1]', { headers: { 'content-type': type } });
    assert.equal(res.body, 'ok');
    assert.deepEqual(await session.read(1), ['42["message-back",1]']);
  }
});

test('polling: a binary content type is refused and ends the session', async () => {
  const session = await Polling.join(server);
  const res = await session.post('42["message",1]', { headers: { 'content-type': 'application/octet-stream' } });
  assert.equal(res.status, 400);
  await assertGone(session);
});

test('polling: a body in chunks and pieces', async () => {
  const session = await Polling.join(server);
  const post = await session.openPost();
  await post.write('42["message",');
  await post.write('"in pie');
  await post.write('ces"]');
  post.end();
  assert.equal((await post.answer).body, 'ok');
  assert.deepEqual(await session.read(1), ['42["message-back","in pieces"]']);
});

test('polling: a connection that closes does not end the session', async () => {
  const session = await Polling.join(server);
  const headers = { connection: 'close' };
  await session.post('42["message",1]', { headers });
  const poll = await session.hold();
  assert.equal((await poll.answer).body, '42["message-back",1]');
  await assertLives(session);
});

test('polling: a held poll is answered when there is something to say', async () => {
  const session = await Polling.join(server);
  const poll = await session.hold();
  await session.post('42["message","now"]');
  assert.equal((await poll.answer).body, '42["message-back","now"]');
});

const MALFORMED = ['abc', '', '8', '42["message",1]\x1e', '\x1e', '42["message",1]\x1e\x1e42["message",2]', '\ufeff42["message",1]'];

for (const body of MALFORMED) {
  test(`polling: a malformed payload ends the session: ${JSON.stringify(body)}`, async () => {
    const session = await Polling.join(server);
    const res = await session.post(body);
    // 400 is the better answer; the official server says ok and closes all the same.
    assert.ok([200, 400].includes(res.status), `status ${res.status}`);
    assert.equal(await server.reasonOf(session.socketId), 'parse error');
    await assertGone(session);
  });
}

test('polling: a body of exactly the limit, and one over it', async () => {
  const session = await Polling.join(server);
  const text = 'x'.repeat(LIMIT - '42["message",""]'.length);
  assert.equal((await session.post(`42["message","${text}"]`)).body, 'ok');
  assert.deepEqual(await session.read(1), [`42["message-back","${text}"]`]);
  const res = await session.post(`42["message","${text}x"]`);
  assert.equal(res.status, 413);
  assert.equal(res.body, '');
  await assertLives(session);
});

test('polling: a chunked body over the limit', async () => {
  const session = await Polling.join(server);
  const post = await session.openPost();
  await post.write('x'.repeat(LIMIT));
  await post.write('x');
  post.end();
  assert.equal((await post.answer).status, 413);
  await assertLives(session);
});

test('polling: other methods on a session are refused and harm nothing', async () => {
  const session = await Polling.join(server);
  for (const method of ['PUT', 'DELETE', 'PATCH']) {
    const res = await session.get({ method });
    assert.ok(res.status >= 400, `${method}: ${res.status}`);
  }
  await assertLives(session);
});

test('polling: a request that names another transport or protocol than the session', async () => {
  const session = await Polling.join(server);
  for (const params of [{ ...session.params, transport: 'websocket' }, { ...session.params, EIO: '3' }]) {
    const res = await request(server, params);
    assert.equal(res.status, 400);
    assert.equal(res.body, errorBody(3, 'Bad request'));
  }
  await assertLives(session);
});

test('polling: a second poll beside a held one ends the session', async () => {
  const session = await Polling.join(server);
  const first = await session.hold();
  const second = await session.get();
  // Which of the two came first is for the server to say: one is told to close, the other is refused.
  const answers = [await first.answer, second].sort((a, b) => a.status - b.status);
  assert.equal(answers[0].status, 200);
  assert.equal(answers[0].body, '1');
  assert.ok([400, 500].includes(answers[1].status), `status ${answers[1].status}`);
  assert.equal(await server.reasonOf(session.socketId), 'transport error');
  await assertGone(session);
});

test('polling: a second POST beside an unfinished one ends the session', async () => {
  const session = await Polling.join(server);
  const first = await session.openPost();
  await first.write('42["mes');
  // A round trip later the first has been read as far as it goes.
  await request(server, { ...session.params, sid: 'unknown' });
  const second = await session.post('42["message",2]');
  assert.ok([400, 500].includes(second.status), `status ${second.status}`);
  assert.equal(await server.reasonOf(session.socketId), 'transport error');
  await assertGone(session);
});

test('polling: a poll that is dropped ends the session', async () => {
  const session = await Polling.join(server);
  const poll = await session.hold();
  // A round trip later the poll has been read.
  await request(server, { ...session.params, sid: 'unknown' });
  poll.abort();
  assert.match(await server.reasonOf(session.socketId), /^transport (error|close)$/);
  await assertGone(session);
});

test('polling: a POST that is dropped half way ends the session', async () => {
  const session = await Polling.join(server);
  const post = await session.openPost({ 'content-length': '100' });
  await post.write('42["mes');
  await request(server, { ...session.params, sid: 'unknown' });
  post.abort();
  assert.match(await server.reasonOf(session.socketId), /^transport (error|close)$/);
  await assertGone(session);
});
