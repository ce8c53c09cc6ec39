// Two official servers in this process, with a client of each, for recordings.

import { createServer } from 'node:http';
import { Server } from 'socket.io';
import { io as connect } from 'socket.io-client';
import { once, until } from '../suite/wait.mjs';

export class Pair {
  static async start(adapters) {
    const pair = new Pair();
    pair.servers = await Promise.all(adapters.map(serve));
    // Each has heard of the other before anything is recorded.
    for (const server of pair.servers) {
      await until(async () => (await server.of('/').adapter.serverCount()) === 2, 'two servers');
    }
    pair.clients = [];
    for (const server of pair.servers) pair.clients.push(await join(server));
    return pair;
  }

  get a() {
    return this.servers[0];
  }

  get b() {
    return this.servers[1];
  }

  // The sockets of the clients, on their servers.
  socket(i) {
    return this.servers[i].of('/').sockets.get(this.clients[i].id);
  }

  async step(name, published, act) {
    await act(this);
    await until(published, `messages of "${name}"`);
  }

  async stop() {
    for (const client of this.clients) client.disconnect();
    await Promise.all(this.servers.map((server) => server.close()));
  }
}

async function serve(adapter) {
  const http = createServer();
  const io = new Server(http, { adapter, serveClient: false });
  io.on('side', (...args) => {
    const ack = args.at(-1);
    if (typeof ack === 'function') ack(args[0]);
  });
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  return io;
}

// What a client sends is the same each time: its address is not in its headers.
async function join(server) {
  const url = `http://127.0.0.1:${server.httpServer.address().port}`;
  const client = connect(url, {
    forceNew: true, reconnection: false, transports: ['websocket'], auth: { token: 'x' }, extraHeaders: { host: 'golden.test' },
  });
  client.on('ask', (what, ack) => ack(what));
  client.on('ask-nothing', (ack) => ack());
  await once(client, 'connect');
  const socket = server.of('/').sockets.get(client.id);
  socket.data = { name: 'é', n: 1 };
  await socket.join('r1');
  return client;
}
