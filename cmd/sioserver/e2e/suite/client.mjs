// Official Socket.IO clients, by version, in the three transport modes.

import { afterEach } from 'node:test';
import { io } from 'socket.io-client';
import io2 from 'socket.io-client-2';
import { io as io3 } from 'socket.io-client-3';
import { overHTTP2, TRANSPORTS_2 } from './http2.mjs';
import { until, within } from './wait.mjs';

export const MODES = ['polling', 'websocket', 'upgrade'];

// Those of Engine.IO 3 need a server with --eio3.
const CLIENTS = { 2: io2, 3: io3, 4: io };

export const TRANSPORTS = {
  polling: ['polling'],
  websocket: ['websocket'],
  upgrade: ['polling', 'websocket'],
};

// The transport a mode ends on.
export const settled = (mode) => (mode === 'polling' ? 'polling' : 'websocket');

// With servers attached to one of HTTP/2 that is what is spoken, as far as clients can.
export const two = /^h2/.test(process.env.SIO_ATTACH ?? '');
if (two) overHTTP2();

const open = new Set();

// No client outlives its test: a leaked one would keep the file from ending.
afterEach(() => {
  for (const socket of open) {
    socket.io.reconnection(false);
    socket.io.engine?.close();
    socket.disconnect();
  }
  open.clear();
});

// A client that is on its way. `at` is a server, or anything with a url (a relay).
export function client(at, mode, { nsp = '/', version = 4, ...options } = {}) {
  const socket = CLIENTS[version](at.url + nsp, {
    forceNew: true,
    reconnection: false,
    transports: (two && version === 4 ? TRANSPORTS_2 : TRANSPORTS)[mode],
    ...options,
  });
  open.add(socket);
  return hasty(socket);
}

// The client waits for an answer as long as it takes, a test does not; before version 4 it has no promises.
function hasty(socket) {
  const ask = socket.emitWithAck;
  socket.emitWithAck = ask
    ? (...event) => within(ask.apply(socket, event), `answer to "${event[0]}"`)
    : async (...event) => (await answers(socket, ...event))[0];
  return socket;
}

// Emits an event and resolves with the list of all that is answered.
export function answers(socket, ...event) {
  return within(new Promise((resolve) => socket.emit(...event, (...all) => resolve(all))), `answer to "${event[0]}"`);
}

// Resolves when the connection under the socket, which may be a new one by then, has moved to websocket.
export async function upgraded(socket) {
  await until(() => socket.io.engine.transport.name === 'websocket', 'upgrade');
}

// Resolves when the socket is connected; rejects with the server's refusal.
export function connected(socket) {
  const refused = new Promise((_, reject) => {
    socket.once('connect_error', reject);
    // The name of the same in version 2.
    socket.once('error', reject);
  });
  const joined = new Promise((resolve) => (socket.connected ? resolve() : socket.once('connect', resolve)));
  return within(Promise.race([joined, refused]), `connection to ${socket.nsp}`);
}

// A client that is connected and, in upgrade mode, has upgraded.
export async function connect(at, mode, options) {
  const socket = client(at, mode, options);
  await Promise.all([connected(socket), mode === 'upgrade' && upgraded(socket)]);
  // The client calls itself upgraded when it sends the upgrade packet; an answer shows that the server has read it.
  if (mode === 'upgrade') await marker(socket);
  return socket;
}

// Another namespace on the connection of `socket`. The manager joins it by itself.
export function share(socket, nsp, options) {
  const other = socket.io.socket(nsp, options);
  open.add(other);
  return hasty(other);
}

// Proves that all the server sent to this socket before has arrived: events and acks keep their order.
export async function marker(socket) {
  await socket.emitWithAck('message-with-ack', 'marker');
}
