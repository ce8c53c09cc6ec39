// The contract of the floors: bytes over TCP, messages over a websocket.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createConnection } from 'node:net';
import { WebSocket } from 'ws';
import { soon } from './deadline.mjs';

const FANOUT_BYTES = 100;
const BYTES = Buffer.from(Array.from({ length: 300_000 }, (_, i) => i * 31));

// A target that ends may reset what is still open.
const survive = (socket) => socket.on('error', () => {});

async function dial({ host, port }, clients) {
  const socket = survive(createConnection({ host, port, noDelay: true }));
  clients.push({ disconnect: () => socket.destroy() });
  await soon('connection', once(socket, 'connect'));
  const read = [];
  let bytes = 0;
  socket.on('data', (chunk) => {
    read.push(chunk);
    bytes += chunk.length;
    socket.emit('bytes', bytes);
  });
  const received = (n) => {
    if (bytes >= n) return Buffer.concat(read);
    return soon(`${n} bytes`, new Promise((resolve) => {
      socket.on('bytes', (now) => now >= n && resolve(Buffer.concat(read)));
    }));
  };
  return { socket, received };
}

export async function checkEcho(target, clients) {
  const own = await Promise.all([dial(target, clients), dial(target, clients)]);
  for (const part of [BYTES.subarray(0, 1), BYTES.subarray(1, 65), BYTES.subarray(65)]) {
    for (const { socket } of own) socket.write(part);
    const end = part.byteOffset - BYTES.byteOffset + part.length;
    for (const { received } of own) assert.deepEqual(await received(end), BYTES.subarray(0, end));
  }
}

export async function checkFanout(target, clients) {
  const own = await Promise.all([dial(target, clients), dial(target, clients), dial(target, clients)]);
  const first = BYTES.subarray(0, FANOUT_BYTES);
  own[0].socket.write(first);
  for (const { received } of own) assert.deepEqual(await received(FANOUT_BYTES), first);

  // A command may come in pieces, and several at once.
  const more = BYTES.subarray(FANOUT_BYTES, 3 * FANOUT_BYTES);
  own[1].socket.write(more.subarray(0, 30));
  own[1].socket.write(more.subarray(30));
  for (const { received } of own) assert.deepEqual(await received(3 * FANOUT_BYTES), BYTES.subarray(0, 3 * FANOUT_BYTES));

  const gone = own.pop();
  gone.socket.destroy();
  own[0].socket.write(first);
  for (const { received } of own) assert.equal((await received(4 * FANOUT_BYTES)).length, 4 * FANOUT_BYTES);
}

async function open(target, path, clients) {
  const socket = survive(new WebSocket(`ws://${target.listening}${path}`, { perMessageDeflate: false }));
  clients.push({ disconnect: () => socket.terminate() });
  await soon('open websocket', once(socket, 'open'));
  return socket;
}

const message = (socket) => soon('message', once(socket, 'message'));

export async function checkWebsocket(target, clients) {
  const echo = await open(target, '/echo', clients);
  for (const [data, binary] of [[Buffer.from('text'), false], [BYTES.subarray(0, 70_000), true], [Buffer.alloc(0), false]]) {
    const answer = message(echo);
    echo.send(data, { binary });
    assert.deepEqual(await answer, [data, binary]);
  }
  const members = await Promise.all([1, 2, 3].map(() => open(target, '/bcast', clients)));
  for (const sender of members) {
    const all = members.map(message);
    sender.send('to all');
    for (const [data, binary] of await Promise.all(all)) assert.deepEqual([String(data), binary], ['to all', false]);
  }
}
