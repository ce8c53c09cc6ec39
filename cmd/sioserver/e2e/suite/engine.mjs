// Official Engine.IO clients without a Socket.IO client above them.

import { afterEach } from 'node:test';
import { TRANSPORTS } from './client.mjs';

// Makes clients of a class. `start(server, mode, options)` returns one that is on its way; none outlives its test.
export function engineClients(Socket, path) {
  const live = new Set();
  afterEach(() => {
    for (const socket of live) socket.close();
    live.clear();
  });
  return function start(server, mode, options) {
    const socket = new Socket(server.url, { path, transports: TRANSPORTS[mode], ...options });
    live.add(socket);
    return socket;
  };
}
