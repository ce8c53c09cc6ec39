// Compressed websocket messages: official clients with all that they can be told about it, rooms with clients of all
// kinds, recovery, limits. What came over the wire is counted, so that nothing passes for compressed that is not.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, test } from 'node:test';
import { WebSocket } from 'ws';
import { connect, marker, MODES } from '../suite/client.mjs';
import { profile } from '../suite/profile.mjs';
import { startServer } from '../suite/server.mjs';
import { once, until, within } from '../suite/wait.mjs';

const LIMIT = 1_000_000;

let off;
let plain; // every message is compressed by itself
let takeover; // messages may refer to those before
before(async () => {
  [off, plain, takeover] = await Promise.all([
    startServer(),
    startServer({ perMessageDeflate: 1024, eio3: true }),
    startServer({ perMessageDeflate: 1024, contextTakeover: true, eio3: true }),
  ]);
});
after(() => Promise.all([off?.stop(), plain?.stop(), takeover?.stop()]));

const raw = (socket) => socket.io.engine.transport.ws;
const bytesRead = (socket) => raw(socket)._socket.bytesRead;
const bytesWritten = (socket) => raw(socket)._socket.bytesWritten;

// Text that becomes much shorter, and is another one for every n.
const text = (n, size = 5000) => `${n} ${'the quick brown fox jumps over the lazy dog, '.repeat(size / 45 + 1)}`.slice(0, size);

// JSON of about two kilobytes, as applications send it.
const tick = (n) => ({
  seq: n,
  items: Array.from({ length: 50 }, (_, i) => ({ id: i, bid: (i * 7919 + n * 104729) % 9973, ask: (i * 6991 + n * 7907) % 9901 })),
});

// Has `args` echoed: how many bytes each direction took.
async function echo(socket, ...args) {
  const [read, written] = [bytesRead(socket), bytesWritten(socket)];
  const back = once(socket, 'message-back');
  socket.emit('message', ...args);
  assert.deepEqual(await back, args);
  return { read: bytesRead(socket) - read, written: bytesWritten(socket) - written };
}

test('deflate: not agreed to by default', async () => {
  for (const mode of ['websocket', 'upgrade']) {
    const socket = await connect(off, mode);
    assert.equal(raw(socket).extensions, '');
    const { read } = await echo(socket, text(1));
    assert.ok(read > 5000, `${read} bytes`);
  }
});

const SERVERS = [['no takeover', () => plain], ['takeover', () => takeover]];

for (const [name, server] of SERVERS) {
  for (const mode of ['websocket', 'upgrade']) {
    test(`deflate, ${name}, ${mode}: text and bytes in both directions`, async () => {
      const socket = await connect(server(), mode);
      assert.match(raw(socket).extensions, /^permessage-deflate/);
      for (let n = 0; n < 5; n++) {
        const { read, written } = await echo(socket, text(n));
        assert.ok(read < 500 && written < 500, `${read} read, ${written} written`);
      }
      const bytes = Buffer.alloc(20_000, 'bytes ');
      const mixed = { list: [bytes, 'é', { deep: bytes }], n: 1 };
      const { read, written } = await echo(socket, mixed, text(6), Buffer.from([1, 2]));
      assert.ok(read < 2000 && written < 2000, `${read} read, ${written} written`);
      await echo(socket, 'short', Buffer.alloc(0), Buffer.from([255]));
      await echo(socket, text(7, 400_000));
      const noise = randomBytes(50_000);
      const back = await echo(socket, noise);
      assert.ok(back.read > 50_000, `${back.read} bytes of noise`);
    });
  }

  test(`deflate, ${name}: acknowledgements, and what is not to be compressed`, async () => {
    const socket = await connect(server(), 'websocket');
    let before = bytesRead(socket);
    assert.equal(await socket.emitWithAck('message-with-ack', text(1)), text(1));
    assert.ok(bytesRead(socket) - before < 500);
    before = bytesRead(socket);
    const came = once(socket, 'plain');
    socket.emit('plain', text(2));
    assert.deepEqual(await came, [text(2)]);
    assert.equal(bytesRead(socket) - before > 5000 ? 'plain' : 'compressed', profile.plainOverWebSocket);
    await echo(socket, text(3));
  });

  for (const [kind, offer] of [
    ['a small window for the server', { serverMaxWindowBits: 9 }],
    ['the smallest window for both', { serverMaxWindowBits: 8, clientMaxWindowBits: 9 }],
    ['windows of 4 KB', { serverMaxWindowBits: 12, clientMaxWindowBits: 12 }],
    ['no takeover by the server', { serverNoContextTakeover: true }],
    ['no takeover by the client', { clientNoContextTakeover: true }],
    ['no takeover at all', { serverNoContextTakeover: true, clientNoContextTakeover: true }],
    ['everything compressed, also nothing', { threshold: 0 }],
  ]) {
    test(`deflate, ${name}: a client that wants ${kind}`, async () => {
      if (offer.serverMaxWindowBits === 8 && profile.plainOverWebSocket === 'compressed') return; // zlib has no such window
      const socket = await connect(server(), 'websocket', { perMessageDeflate: { threshold: 1024, ...offer } });
      assert.match(raw(socket).extensions, /^permessage-deflate/);
      for (let n = 0; n < 10; n++) await echo(socket, tick(n), text(n, 100 * n + 2000), Buffer.alloc(0));
      await echo(socket, text(10, 100_000), Buffer.alloc(70_000, 'é'));
      const { read } = await echo(socket, text(11, 100_000));
      assert.ok(read < 20_000, `${read} bytes`);
    });
  }

  test(`deflate, ${name}: a client that does not want it`, async () => {
    const socket = await connect(server(), 'websocket', { perMessageDeflate: false });
    assert.equal(raw(socket).extensions, '');
    const { read } = await echo(socket, text(1));
    assert.ok(read > 5000, `${read} bytes`);
  });

  test(`deflate, ${name}: a room with clients of all kinds`, async () => {
    const room = `all-${name}`;
    const all = [];
    for (const version of [4, 3, 2]) {
      for (const mode of MODES) {
        for (const perMessageDeflate of [{ threshold: 1024 }, false]) {
          const socket = await connect(server(), mode, { version, perMessageDeflate });
          await socket.emitWithAck('join', room);
          all.push(socket);
        }
      }
    }
    for (let n = 0; n < 6; n++) {
      const bytes = Buffer.alloc(3000, `bytes ${n} `);
      const came = all.map((socket) => once(socket, 'room'));
      // Now and then somebody gets something in between, so that not all have the same last message.
      if (n % 2) await echo(all[2], text(n));
      all[0].emit('room', room, tick(n), bytes);
      for (const [, value, data] of await Promise.all(came)) {
        assert.deepEqual(value, tick(n));
        assert.equal(Buffer.compare(Buffer.from(data), bytes), 0);
      }
    }
  });

  test(`deflate, ${name}: what was missed comes to a client that returns`, async () => {
    const at = await startServer({ perMessageDeflate: 500, recovery: 60_000, contextTakeover: name === 'takeover' });
    try {
      const sender = await connect(at, 'websocket');
      const socket = await connect(at, 'websocket', { reconnection: true, reconnectionDelay: 10 });
      const { id } = socket;
      const got = [];
      socket.on('bcast', (value) => got.push(value.seq));
      sender.emit('bcast', tick(0));
      await until(() => got.includes(0), 'the first event');
      const left = at.saw({ event: 'disconnect', sid: id });
      const again = once(socket, 'connect');
      raw(socket).terminate();
      await left;
      for (let n = 1; n <= 20; n++) sender.emit('bcast', tick(n));
      await marker(sender);
      await again;
      assert.equal(socket.recovered, true);
      sender.emit('bcast', tick(21));
      await until(() => got.includes(21), 'the last event');
      assert.deepEqual(got, Array.from({ length: 22 }, (_, i) => i));
      assert.match(raw(socket).extensions, /^permessage-deflate/);
    } finally {
      await at.stop();
    }
  });

  test(`deflate, ${name}: a message is limited by what it inflates to`, async () => {
    const socket = await connect(server(), 'websocket');
    const most = LIMIT - '42["message",""]'.length;
    const back = once(socket, 'message-back');
    socket.emit('message', 'x'.repeat(most));
    assert.equal((await back)[0].length, most);
    const bystander = await connect(server(), 'websocket');
    const closed = once(socket, 'disconnect');
    const code = new Promise((resolve) => raw(socket).on('close', resolve));
    socket.emit('message', 'x'.repeat(most + 1));
    await closed;
    assert.equal(await within(code, 'close code'), 1009);
    await echo(bystander, text(1));
  });
}

test('deflate: messages that resemble each other become shorter with takeover', async () => {
  const sizes = [];
  for (const [, server] of SERVERS) {
    const socket = await connect(server(), 'websocket');
    await echo(socket, tick(0));
    let total = 0;
    for (let n = 1; n <= 10; n++) total += (await echo(socket, tick(n))).read;
    sizes.push(total);
  }
  assert.ok(sizes[1] < sizes[0] * 0.95, `${sizes[1]} bytes with, ${sizes[0]} without`);
});

test('deflate: offers that cannot be accepted, and one that can behind others', async () => {
  const answers = {
    'x-webkit-deflate-frame, permessage-deflate': /^permessage-deflate/,
    'x-webkit-deflate-frame': /^$/,
  };
  if (profile.brokenOffer === 'passed over') {
    answers['permessage-deflate; server_max_window_bits=7, permessage-deflate; client_max_window_bits'] = /^permessage-deflate/;
    answers['permessage-deflate; foo'] = /^$/;
  }
  for (const [offer, answer] of Object.entries(answers)) {
    const ws = new WebSocket(`${plain.wsUrl}/socket.io/?EIO=4&transport=websocket`, {
      perMessageDeflate: false,
      headers: { 'Sec-WebSocket-Extensions': offer },
    });
    const response = await within(new Promise((resolve, reject) => {
      ws.on('upgrade', resolve);
      ws.on('error', () => {}); // this client has not offered it itself
      ws.on('unexpected-response', (_, res) => reject(new Error(`status ${res.statusCode}`)));
    }), 'handshake');
    assert.match(response.headers['sec-websocket-extensions'] ?? '', answer);
    ws.terminate();
  }
});
