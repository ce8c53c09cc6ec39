// A TCP relay between a client and the server that can go deaf in either direction, stop reading, or go down.

import { connect, createServer } from 'node:net';
import { afterEach } from 'node:test';
import { two } from './client.mjs';
import { until } from './wait.mjs';

const relays = new Set();

// What resetAndDestroy of node 20 does, but at once: that one shuts down first, and a connection that ends meanwhile
// is never closed and keeps the process busy.
function reset(socket) {
  socket.resetAndClosing = !socket.connecting && !socket.writableEnded;
  socket.destroy();
}

// No relay outlives its test.
afterEach(async () => {
  await Promise.all([...relays].map((relay) => relay.stop()));
  relays.clear();
});

export class Relay {
  #pairs = new Set();
  #deaf = { toServer: false, toClient: false };
  #held = false;
  #down = false;

  static async start(server) {
    const relay = new Relay();
    relays.add(relay);
    relay.#accept(server.port);
    await new Promise((resolve) => relay.listener.listen(0, '127.0.0.1', resolve));
    relay.host = `127.0.0.1:${relay.listener.address().port}`;
    relay.url = `${new URL(server.url).protocol}//${relay.host}`;
    relay.wsUrl = `${new URL(server.wsUrl).protocol}//${relay.host}`;
    return relay;
  }

  #accept(port) {
    this.listener = createServer((near) => {
      if (this.#down) {
        reset(near);
        return;
      }
      const far = connect(port, '127.0.0.1');
      const pair = { near, far, asked: false };
      this.#pairs.add(pair);
      near.on('data', (bytes) => {
        pair.asked = true;
        if (!this.#deaf.toServer) far.write(bytes);
      });
      far.on('data', (bytes) => {
        pair.asked = false;
        if (!this.#deaf.toClient) near.write(bytes);
      });
      near.on('close', () => this.#end(pair));
      far.on('close', () => this.#end(pair));
      near.on('error', () => {});
      far.on('error', () => {});
      if (this.#held) far.pause();
    });
  }

  // On how many connections the client spoke last: over HTTP, requests without an answer.
  get waiting() {
    return [...this.#pairs].filter((pair) => pair.asked).length;
  }

  // Waits until the server holds the poll of a client: it is on the wire, and what was sent behind it has arrived. Over
  // HTTP/2 among frames that are no answers one cannot see which connection waits, and the poll may be on a new one,
  // which takes three round trips to come up.
  async held(server, socket) {
    for (let i = 0; i < 3; i++) {
      if (!two) await until(() => this.waiting === 1, 'a held poll');
      await server.upTo(socket);
    }
    if (!two) await until(() => this.waiting === 1, 'the poll alone');
  }

  // A deaf relay keeps even the end of a connection to itself, as a dead network path would.
  #end(pair) {
    if (!this.#pairs.has(pair)) return;
    if (pair.near.destroyed || !this.#deaf.toClient) pair.near.destroy();
    if (pair.far.destroyed || !this.#deaf.toServer) pair.far.destroy();
    if (pair.near.destroyed && pair.far.destroyed) this.#pairs.delete(pair);
  }

  // Swallows all bytes of one direction from now on: 'toServer' or 'toClient'.
  deafen(direction) {
    this.#deaf[direction] = true;
  }

  // Bytes flow again; what was swallowed stays lost.
  hear() {
    this.#deaf = { toServer: false, toClient: false };
  }

  // Stops taking bytes from the server, so that its output piles up in front of the relay.
  hold() {
    this.#held = true;
    for (const { far } of this.#pairs) far.pause();
  }

  release() {
    this.#held = false;
    for (const { far } of this.#pairs) far.resume();
  }

  // Resets every connection, without a closing handshake of any kind, and lets no new one through until `up`.
  down() {
    this.#down = true;
    for (const { near, far } of this.#pairs) {
      reset(near);
      reset(far);
    }
  }

  up() {
    this.#down = false;
  }

  async stop() {
    for (const { near, far } of this.#pairs) {
      near.destroy();
      far.destroy();
    }
    await new Promise((resolve) => this.listener.close(resolve));
  }
}
