// Compressed answers to polls: by hand what is on the wire, and official clients that do and do not ask for it.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { gunzipSync, inflateSync } from 'node:zlib';
import { Fetch } from 'engine.io-client';
import { requestTo } from '../suite/http.mjs';
import { connect } from '../suite/client.mjs';
import { address, payload, Polling } from '../suite/raw.mjs';
import { startServer } from '../suite/server.mjs';
import { within } from '../suite/wait.mjs';

let server;
let off;
before(async () => {
  [server, off] = await Promise.all([startServer({ eio3: true }), startServer({ httpCompression: 0 })]);
});
after(() => Promise.all([server?.stop(), off?.stop()]));

const DECODE = { gzip: gunzipSync, deflate: inflateSync };

// One request whose body is not decoded: {status, headers, body}.
function ask(at, params, headers = {}, method = 'GET') {
  const answer = new Promise((resolve, reject) => {
    const req = requestTo(address(at, params), { agent: false, headers, method }, (res) => {
      const pieces = [];
      res.on('data', (piece) => pieces.push(piece));
      res.on('end', () => resolve({ status: res.statusCode, headers: res.headers, body: Buffer.concat(pieces) }));
      res.on('error', reject);
    });
    req.on('error', reject);
    req.end();
  });
  return within(answer, 'answer');
}

// The text that an answer of so many bytes has, and the event that makes it.
function echoOf(size, event = 'message') {
  const back = { message: 'message-back', plain: 'plain' }[event];
  const text = 'text'.repeat(size).slice(0, size - `42["${back}",""]`.length);
  return [`42["${event}","${text}"]`, `42["${back}","${text}"]`];
}

// Joins, has an event echoed and polls it with the given header: [coding, body as text].
async function echoed(at, [event, back], accept) {
  const session = await Polling.join(at);
  await session.post(event);
  const { status, headers, body } = await ask(at, session.params, accept === undefined ? {} : { 'Accept-Encoding': accept });
  assert.equal(status, 200);
  assert.equal(headers['content-type'], 'text/plain; charset=UTF-8');
  assert.equal(headers['cache-control'], 'no-store');
  const coding = headers['content-encoding'];
  assert.equal((coding ? DECODE[coding](body) : body).toString(), back);
  if (coding) assert.ok(body.length < back.length / 4, `${body.length} bytes`);
  await session.post('1');
  return coding;
}

test('compression: from the threshold on', async () => {
  assert.equal(await echoed(server, echoOf(1023), 'gzip'), undefined);
  assert.equal(await echoed(server, echoOf(1024), 'gzip'), 'gzip');
});

test('compression: in what the client accepts', async () => {
  const codings = {
    'gzip': 'gzip',
    'deflate': 'deflate',
    'gzip, deflate, br, zstd': 'gzip',
    'GZIP': 'gzip',
    '*': 'gzip',
    'deflate, gzip;q=0.5': 'deflate',
    'gzip;q=0, deflate': 'deflate',
    'gzip;q=0': undefined,
    'gzip;q=0, deflate;q=0, *': undefined,
    'identity': undefined,
    'br, zstd': undefined,
    '*;q=0': undefined,
    '': undefined,
  };
  for (const [accept, coding] of Object.entries(codings)) {
    assert.equal(await echoed(server, echoOf(3000), accept), coding, accept);
  }
  assert.equal(await echoed(server, echoOf(3000)), undefined);
});

test('compression: long answers', async () => {
  for (const size of [40_000, 500_000, 900_000]) assert.equal(await echoed(server, echoOf(size), 'gzip'), 'gzip');
});

test('compression: not what was sent with compress(false)', async () => {
  assert.equal(await echoed(server, echoOf(3000, 'plain'), 'gzip'), undefined);
});

test('compression: a payload with one packet that may be', async () => {
  const session = await Polling.join(server);
  const [[first, firstBack], [second, secondBack]] = [echoOf(2000, 'plain'), echoOf(30)];
  await session.post(payload(first, second));
  const { headers, body } = await ask(server, session.params, { 'Accept-Encoding': 'gzip' });
  // The two may come apart, if the first was there when the server looked.
  const text = (headers['content-encoding'] ? gunzipSync(body) : body).toString();
  if (text === payload(firstBack, secondBack)) assert.equal(headers['content-encoding'], 'gzip');
  else assert.deepEqual([text, headers['content-encoding']], [firstBack, undefined]);
});

test('compression: not on a server without', async () => {
  assert.equal(await echoed(off, echoOf(5000), 'gzip'), undefined);
});

test('compression: HEAD is no poll', async () => {
  const session = await Polling.join(server);
  const { status, body } = await ask(server, session.params, { 'Accept-Encoding': 'gzip' }, 'HEAD');
  assert.ok(status >= 400, `${status}`);
  assert.equal(body.length, 0);
});

// A packet in a payload of bytes, of a client of version 2: a kind, the length in digits, 255.
function octets(kind, packet) {
  return Buffer.concat([Buffer.from([kind, ...[...String(packet.length)].map(Number), 255]), packet]);
}

test('compression: bytes for a client of version 2', async () => {
  const params = { EIO: '3', transport: 'polling' };
  const opened = (await ask(server, params)).body.toString();
  params.sid = JSON.parse(/\{.*\}/.exec(opened)[0]).sid;
  const bytes = Buffer.alloc(2000, 'bytes');
  const text = Buffer.from('451-["message",{"_placeholder":true,"num":0}]');
  const body = Buffer.concat([octets(0, text), octets(1, Buffer.concat([Buffer.from([4]), bytes]))]);
  const headers = { 'Content-Type': 'application/octet-stream' };
  const posted = await within(fetch(address(server, params), { method: 'POST', body, headers }), 'answer to a POST');
  assert.equal(posted.status, 200);
  let got = { headers: {} };
  while (!got.headers['content-encoding']) got = await ask(server, params, { 'Accept-Encoding': 'deflate' });
  assert.deepEqual([got.headers['content-encoding'], got.headers['content-type']], ['deflate', 'application/octet-stream']);
  assert.ok(inflateSync(got.body).includes(bytes));
});

const TEXT = 'é😀 text '.repeat(1000);
const BYTES = Buffer.alloc(100_000, 'bytes');

// Everything comes back as it went, whatever is compressed on the way.
async function converse(socket) {
  for (const list of [[TEXT], [TEXT, { deep: [BYTES] }], ['small'], ['x'.repeat(300_000)]]) {
    const back = await new Promise((resolve) => {
      socket.once('message-back', (...args) => resolve(args));
      socket.emit('message', ...list);
    });
    assert.deepEqual(back, list);
  }
}

test('compression: an official client that accepts it', async () => {
  let coded = 0;
  const real = globalThis.fetch;
  globalThis.fetch = async (...args) => {
    const res = await real(...args);
    if (res.headers.get('content-encoding') === 'gzip') coded++;
    return res;
  };
  try {
    const socket = await connect(server, 'polling', { transports: [Fetch] });
    await within(converse(socket), 'conversation');
    assert.ok(coded >= 3, `${coded} answers were compressed`);
  } finally {
    globalThis.fetch = real;
  }
});

for (const version of [2, 3, 4]) {
  for (const mode of ['polling', 'websocket', 'upgrade']) {
    test(`compression: the official client of version ${version} as it is, ${mode}`, async () => {
      await within(converse(await connect(server, mode, { version })), 'conversation');
    });
  }
}
