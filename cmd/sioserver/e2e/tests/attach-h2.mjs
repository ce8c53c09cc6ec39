// A server attached to one of HTTP/2 that takes polling over nothing else; websockets come over HTTP/1.1 at its port.

import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import http2 from 'node:http2';
import { after, before, test } from 'node:test';
import { io } from 'socket.io-client';
import { connected } from '../suite/client.mjs';
import { overHTTP2, TRANSPORTS_2 } from '../suite/http2.mjs';
import { packets } from '../suite/raw.mjs';
import { startServer } from '../suite/server.mjs';
import { once, within } from '../suite/wait.mjs';

overHTTP2();

let server;
before(async () => (server = await startServer({ attach: 'h2-only', pingInterval: 300, pingTimeout: 2000 })));
after(() => server?.stop());

const sockets = new Set();
after(() => sockets.forEach((socket) => socket.disconnect()));

async function connect(mode, nsp = '/') {
  const socket = io(server.url + nsp, { forceNew: true, reconnection: false, transports: TRANSPORTS_2[mode] });
  sockets.add(socket);
  await connected(socket);
  return socket;
}

for (const mode of Object.keys(TRANSPORTS_2)) {
  test(`HTTP/2, ${mode}: events, acknowledgements, binary, heartbeats`, async () => {
    const socket = await connect(mode);
    const echo = new Promise((resolve) => socket.once('echo', (...args) => resolve(args)));
    assert.deepEqual(await within(socket.emitWithAck('echo', 'a', 1, { b: [] }), 'ack'), 'a');
    assert.deepEqual(await within(echo, 'echo'), ['a', 1, { b: [] }]);
    const bytes = randomBytes(300_000);
    const [{ bytes: length, sha256 }] = await within(socket.emitWithAck('digest', bytes), 'digest');
    assert.deepEqual([length, sha256], [bytes.length, createHash('sha256').update(bytes).digest('hex')]);
    let pings = 0;
    const beats = new Promise((resolve) => socket.io.on('ping', () => ++pings === 3 && resolve()));
    await within(beats, 'three heartbeats');
    assert.equal(socket.connected, true);
    assert.equal(await within(socket.emitWithAck('transport'), 'ack'), mode === 'polling' ? 'polling' : 'websocket');
  });

  test(`HTTP/2, ${mode}: both ways out`, async () => {
    const leaves = await connect(mode, '/custom');
    const { id } = leaves;
    leaves.disconnect();
    assert.equal(await server.reasonOf(id), 'client namespace disconnect');
    const kicked = await connect(mode, '/custom');
    const reason = new Promise((resolve) => kicked.once('disconnect', resolve));
    kicked.emit('kick', true);
    assert.equal(await within(reason, 'disconnect'), 'io server disconnect');
  });
}

test('HTTP/2: polling over HTTP/1.1 is not what was measured here', async () => {
  const socket = io(server.url, { forceNew: true, reconnection: false, transports: ['polling'] });
  sockets.add(socket);
  await assert.rejects(connected(socket), { message: 'xhr poll error' });
});

test('HTTP/2: a poll whose stream is reset ends its session', async () => {
  const session = http2.connect(server.url);
  after(() => session.destroy());
  const ask = async (path, body) => {
    const stream = session.request({ ':path': `/socket.io/?EIO=4&transport=polling${path}`, ':method': body ? 'POST' : 'GET' });
    stream.end(body);
    let text = '';
    stream.setEncoding('utf8').on('data', (piece) => (text += piece));
    await once(stream, 'end');
    return text;
  };
  const { sid } = JSON.parse((await ask('')).slice(1));
  assert.equal(await ask(`&sid=${sid}`, '40'), 'ok');
  // The answer to CONNECT and the first event come in one poll or in two, with pings between them.
  const got = [];
  while (!got.some((packet) => packet.startsWith('42'))) got.push(...packets(await ask(`&sid=${sid}`)));
  const id = JSON.parse(got.find((packet) => packet.startsWith('40')).slice(2)).sid;
  const held = session.request({ ':path': `/socket.io/?EIO=4&transport=polling&sid=${sid}` });
  held.on('error', () => {});
  // The server reads the frames of a connection in order, so an answer says that it has begun with the poll.
  assert.equal(await ask(`&sid=${sid}`, '3'), 'ok');
  held.close(http2.constants.NGHTTP2_CANCEL);
  assert.equal(await server.reasonOf(id), 'transport error');
});
