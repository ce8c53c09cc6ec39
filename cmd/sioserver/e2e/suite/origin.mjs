// Empty pages of other origins: a server on loopback that is 127.0.0.1 to some and localhost to others.

import { createServer } from 'node:http';

const PAGE = '<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,"><title>elsewhere</title>';

export class Origin {
  static async start() {
    const origin = new Origin();
    origin.listener = createServer((req, res) => res.writeHead(200, { 'Content-Type': 'text/html' }).end(PAGE));
    await new Promise((resolve) => origin.listener.listen(0, '127.0.0.1', resolve));
    const { port } = origin.listener.address();
    // To a browser the first is of the same site as a server under test, the second of another.
    origin.near = `http://127.0.0.1:${port}`;
    origin.far = `http://localhost:${port}`;
    return origin;
  }

  async stop() {
    this.listener.closeAllConnections();
    await new Promise((resolve) => this.listener.close(resolve));
  }
}
