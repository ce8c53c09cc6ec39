// Socket.IO protocol 5 by hand: joining and leaving namespaces, events, acks, binary.

import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { profile } from '../suite/profile.mjs';
import { Polling, RawWebSocket, endWebSockets, payload } from '../suite/raw.mjs';
import { startServer } from '../suite/server.mjs';

const CONNECT_TIMEOUT_MS = 500;

let server;
let quick;
before(async () => {
  [server, quick] = await Promise.all([
    startServer(),
    startServer({ pingInterval: 300, pingTimeout: 10_000, connectTimeout: CONNECT_TIMEOUT_MS }),
  ]);
});
after(() => Promise.all([server.stop(), quick.stop()]));
afterEach(endWebSockets);

// The answer to a CONNECT: nothing but the id, which is not the id of the session.
function assertConnected(raw, packet, nsp = '') {
  assert.equal(packet.startsWith(`40${nsp}{`), true, packet);
  const answer = JSON.parse(packet.slice(2 + nsp.length));
  assert.deepEqual(Object.keys(answer), ['sid']);
  assert.match(answer.sid, /^[\w-]{20}$/);
  assert.notEqual(answer.sid, raw.sid);
  return answer.sid;
}

async function assertEchoes(raw, text = 'alive') {
  raw.send(`42["message","${text}"]`);
  assert.equal(await raw.next(), `42["message-back","${text}"]`);
}

// Frames in, frames out.
async function assertExchange(raw, sent, expected) {
  raw.send(...sent);
  assert.deepEqual(await raw.read(expected.length), expected);
}

const CONNECTS = [
  ['the main namespace', '40', '', '42["auth",{}]'],
  ['with an empty object', '40{}', '', '42["auth",{}]'],
  ['with a payload', '40{"token":"123"}', '', '42["auth",{"token":"123"}]'],
  ['with the main namespace spelt out', '40/,{"token":"123"}', '', '42["auth",{"token":"123"}]'],
  ['a custom namespace', '40/custom,', '/custom,', '42/custom,["auth",{}]'],
  ['a custom namespace without a comma', '40/custom', '/custom,', '42/custom,["auth",{}]'],
  ['a custom namespace with a payload', '40/custom,{"token":"abc"}', '/custom,', '42/custom,["auth",{"token":"abc"}]'],
  ['a dynamic namespace', '40/dyn-1,', '/dyn-1,', '42/dyn-1,["auth",{}]'],
];

for (const [name, connect, nsp, auth] of CONNECTS) {
  test(`connect: ${name}`, async () => {
    const raw = await RawWebSocket.open(server);
    raw.send(connect);
    assertConnected(raw, await raw.next(), nsp);
    assert.equal(await raw.next(), auth);
  });
}

test('connect, polling: the main namespace', async () => {
  const session = await Polling.open(server);
  assert.equal((await session.post('40{"token":"123"}')).body, 'ok');
  const [answer, auth] = await session.read(2);
  assertConnected(session, answer);
  assert.equal(auth, '42["auth",{"token":"123"}]');
});

const REFUSED = [
  ['an unknown namespace', '40/random,', '44/random,{"message":"Invalid namespace"}'],
  ['an unknown namespace without a comma', '40/random', '44/random,{"message":"Invalid namespace"}'],
  ['a name with a query, which is part of the name', '40/custom?a=b,', '44/custom?a=b,{"message":"Invalid namespace"}'],
  ['a name in other letters', '40/CUSTOM,', '44/CUSTOM,{"message":"Invalid namespace"}'],
  ['a name with a slash too many', '40/custom/,', '44/custom/,{"message":"Invalid namespace"}'],
  ['a name that is a property', '40/constructor,', '44/constructor,{"message":"Invalid namespace"}'],
  ['a middleware with data', '40/guarded,', '44/guarded,{"message":"Not authorized","data":{"code":401,"hint":"token"}}'],
  ['a middleware without data', '40/refuse,', '44/refuse,{"message":"Refused"}'],
];

for (const [name, connect, answer] of REFUSED) {
  test(`connect: refused: ${name}`, async () => {
    const raw = await RawWebSocket.join(server);
    await assertExchange(raw, [connect], [answer]);
    await assertEchoes(raw);
  });
}

test('connect: a session that joins nothing is closed', async () => {
  const raw = await RawWebSocket.open(quick);
  await raw.end();
});

test('connect: a refusal does not count as joining', async () => {
  const raw = await RawWebSocket.open(quick);
  await assertExchange(raw, ['40/random,'], ['44/random,{"message":"Invalid namespace"}']);
  await raw.end();
});

test('connect: a session that has joined is not closed by the join timer', async () => {
  const raw = await RawWebSocket.join(quick);
  const late = await RawWebSocket.open(quick);
  // When the later session has been closed for joining nothing, the time of the earlier one is over too.
  await late.end();
  await assertEchoes(raw);
});

test('connect: several namespaces on one session', async () => {
  const raw = await RawWebSocket.join(server);
  raw.send('40/custom,', '40/chat,');
  const frames = await raw.read(4);
  const custom = frames.filter((frame) => frame.includes('/custom,'));
  const chat = frames.filter((frame) => frame.includes('/chat,'));
  const ids = [raw.socketId, assertConnected(raw, custom[0], '/custom,'), assertConnected(raw, chat[0], '/chat,')];
  assert.equal(new Set(ids).size, 3);
  await assertExchange(raw, ['42/chat,["message",1]'], ['42/chat,["message-back",1]']);
  await assertExchange(raw, ['42/custom,["message",2]'], ['42/custom,["message-back",2]']);
});

test('connect: a second CONNECT while the first waits', async () => {
  const raw = await RawWebSocket.open(server);
  raw.send('40/slow,', '40/slow,');
  if (profile.secondConnectWhilePending === 'closed') {
    await raw.end();
  } else {
    const answers = (await raw.read(4)).filter((frame) => frame.startsWith('40/slow,'));
    assert.equal(answers.length, 2);
  }
});

test('disconnect: nothing comes after it but the heartbeat', async () => {
  const raw = await RawWebSocket.join(quick, '40', { pong: false });
  raw.send('41');
  assert.equal(await raw.next(), '2');
  assert.equal(await quick.reasonOf(raw.socketId), 'client namespace disconnect');
});

test('disconnect: leaving a custom namespace keeps the main one', async () => {
  const raw = await RawWebSocket.join(server);
  raw.send('40/custom,');
  await raw.read(2);
  raw.send('41/custom,');
  await assertEchoes(raw);
});

test('disconnect: joining again gives another id', async () => {
  const raw = await RawWebSocket.join(server);
  raw.send('41');
  assert.equal(await server.reasonOf(raw.socketId), 'client namespace disconnect');
  raw.send('40');
  assert.notEqual(assertConnected(raw, await raw.next()), raw.socketId);
});

test('disconnect: by the server, in one namespace', async () => {
  const raw = await RawWebSocket.join(server);
  raw.send('40/custom,');
  await raw.read(2);
  await assertExchange(raw, ['42/custom,["kick",false]'], ['41/custom,']);
  await assertEchoes(raw);
});

const ONE = '{"_placeholder":true,"num":0}';
const TWO = '{"_placeholder":true,"num":1}';
const bytes = (...list) => Buffer.from(list);

const EXCHANGES = [
  ['an event', ['42["message",1,"2",{"3":[false]}]'], ['42["message-back",1,"2",{"3":[false]}]']],
  ['an event without arguments', ['42["message"]'], ['42["message-back"]']],
  ['object keys in their order', ['42["message",{"b":1,"a":{"d":2,"c":3}}]'], ['42["message-back",{"b":1,"a":{"d":2,"c":3}}]']],
  ['text beyond ASCII', ['42["message","é😀てす"]'], ['42["message-back","é😀てす"]']],
  ['a separator inside a string', ['42["message","a\\u001eb"]'], ['42["message-back","a\\u001eb"]']],
  [
    'an event with two attachments',
    [`452-["message",${ONE},${TWO}]`, bytes(1, 2, 3), bytes(4, 5, 6)],
    [`452-["message-back",${ONE},${TWO}]`, bytes(1, 2, 3), bytes(4, 5, 6)],
  ],
  [
    'a nested attachment',
    [`451-["message",{"a":[{"b":${ONE}}],"c":1}]`, bytes(7)],
    [`451-["message-back",{"a":[{"b":${ONE}}],"c":1}]`, bytes(7)],
  ],
  ['an empty attachment', [`451-["message",${ONE}]`, bytes()], [`451-["message-back",${ONE}]`, bytes()]],
  [
    'a pong among attachments',
    [`452-["message",${ONE},${TWO}]`, bytes(1), '3', bytes(2)],
    [`452-["message-back",${ONE},${TWO}]`, bytes(1), bytes(2)],
  ],
  ['an ack', ['42456["message-with-ack",1,"2",{"3":[false]}]'], ['43456[1,"2",{"3":[false]}]']],
  ['an ack with the id 0', ['420["message-with-ack"]'], ['430[]']],
  ['an ack with a large id', ['429007199254740991["message-with-ack",1]'], ['439007199254740991[1]']],
  [
    'an ack with attachments',
    [`452-789["message-with-ack",${ONE},${TWO}]`, bytes(1, 2, 3), bytes(4, 5, 6)],
    [`462-789[${ONE},${TWO}]`, bytes(1, 2, 3), bytes(4, 5, 6)],
  ],
  ['white space around the JSON', ['42[ "message" , 1 ] '], ['42["message-back",1]']],
  ['names that are properties', ['42["__proto__",1]', '42["constructor",1]', '42["message",1]'], ['42["message-back",1]']],
  ['the event "error"', ['42["error",1]', '42["message",1]'], ['42["message-back",1]']],
  ['an answer to no question', ['43999[1]', '42["message",1]'], ['42["message-back",1]']],
];

for (const [name, sent, expected] of EXCHANGES) {
  test(`message, websocket: ${name}`, async () => {
    const raw = await RawWebSocket.join(server);
    await assertExchange(raw, sent, expected);
  });

  test(`message, polling: ${name}`, async () => {
    const session = await Polling.join(server);
    const text = (packet) => (typeof packet === 'string' ? packet : `b${packet.toString('base64')}`);
    await session.post(payload(...sent.map(text)));
    assert.deepEqual(await session.read(expected.length), expected.map(text));
  });
}

test('message: a question of the server and its answer', async () => {
  const raw = await RawWebSocket.join(server);
  raw.send('42["ask","one",2]');
  const question = await raw.next();
  const [, id] = /^42(\d+)\["question","one",2\]$/.exec(question);
  await assertExchange(raw, [`43${id}["yes"]`], ['42["answer","yes"]']);
  // A second answer to the same question is one too many, and is passed over.
  raw.send(`43${id}["again"]`);
  await assertEchoes(raw);
});

test('message: a question of the server with binary both ways', async () => {
  const raw = await RawWebSocket.join(server);
  raw.send(`451-["ask",${ONE}]`, bytes(1, 2));
  const [header, attachment] = await raw.read(2);
  const [, id] = /^451-(\d+)\["question",\{"_placeholder":true,"num":0\}\]$/.exec(header);
  assert.deepEqual(attachment, bytes(1, 2));
  await assertExchange(raw, [`461-${id}[${ONE}]`, bytes(3, 4)], [`451-["answer",${ONE}]`, bytes(3, 4)]);
});
