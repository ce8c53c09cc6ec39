// A thousand clients lose their connections under a stream of room broadcasts: all recover, and nobody misses,
// repeats or reorders an event.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connect, marker } from '../suite/client.mjs';
import { Relay } from '../suite/relay.mjs';
import { startServer } from '../suite/server.mjs';
import { once, until } from '../suite/wait.mjs';

const CLIENTS = 1000;
// Rooms of ten: a broadcast a millisecond is ten thousand deliveries in a second.
const ROOMS = 100;
const WAVE = 100;
const TICK_MS = 10;
const PER_TICK = 10;
const STREAM_BEFORE = 1500;
const STREAM_AFTER = 1500;
const PATIENCE_MS = 60_000;

const room = (i) => `room-${i % ROOMS}`;

// Numbered broadcasts, a thousand in a second, round the rooms.
class Stream {
  sent = 0;

  constructor(sender) {
    this.timer = setInterval(() => {
      for (let i = 0; i < PER_TICK; i++, this.sent++) sender.emit('room', room(this.sent), Math.floor(this.sent / ROOMS));
    }, TICK_MS);
  }

  stop() {
    clearInterval(this.timer);
  }

  // How many went to the room of a client.
  to(i) {
    return Math.floor((this.sent - (i % ROOMS) + ROOMS - 1) / ROOMS);
  }
}

test('load: a thousand clients recover under a thousand broadcasts a second', { timeout: 120_000 }, async (t) => {
  const server = await startServer({ recovery: 120_000 });
  const relay = await Relay.start(server);
  const options = { reconnection: true, reconnectionDelay: 200, reconnectionDelayMax: 1000 };
  try {
    const clients = [];
    while (clients.length < CLIENTS) {
      const wave = await Promise.all(Array.from({ length: WAVE }, () => connect(relay, 'websocket', options)));
      clients.push(...wave);
    }
    await Promise.all(clients.map((socket, i) => socket.emitWithAck('join', room(i))));
    const heard = clients.map((socket) => {
      const numbers = [];
      socket.on('room', (_, n) => numbers.push(n));
      return numbers;
    });
    const ids = clients.map(({ id }) => id);

    const sender = await connect(server, 'websocket');
    const stream = new Stream(sender);
    try {
      await until(() => stream.sent >= STREAM_BEFORE, 'the stream before the cut', PATIENCE_MS);
      const again = Promise.all(clients.map((socket) => once(socket, 'connect', PATIENCE_MS)));
      const cutAt = stream.sent;
      relay.down();
      const gone = () => server.journal.filter(({ event }) => event === 'disconnect').length === CLIENTS;
      await until(gone, 'the end of every connection at the server', PATIENCE_MS);
      relay.up();
      await again;
      const backAt = stream.sent;
      t.diagnostic(`${backAt - cutAt} broadcasts between the cut and the last recovery`);
      await until(() => stream.sent >= backAt + STREAM_AFTER, 'the stream after the cut', PATIENCE_MS);
    } finally {
      stream.stop();
    }
    await marker(sender);

    assert.equal(clients.filter((socket) => socket.recovered).length, CLIENTS);
    assert.deepEqual(clients.map(({ id }) => id), ids);
    // What the sender was answered behind has gone out; the answer to each client comes behind it.
    await Promise.all(clients.map(marker));
    for (const [i, numbers] of heard.entries()) {
      assert.deepEqual(numbers, Array.from({ length: stream.to(i) }, (_, n) => n), `client ${i}`);
    }
  } finally {
    await server.stop();
  }
});
