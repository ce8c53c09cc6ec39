// The transport of CONTRACT.md that is neither polling nor websocket, for the official client and the official server.

import { EventEmitter } from 'node:events';
import { connect, createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { Transport } from 'engine.io-client';

const decode = (line) => {
  if (line[0] === 'b') return { type: 'message', data: Buffer.from(line.slice(1), 'base64') };
  return { type: ['open', 'close', 'ping', 'pong', 'message'][line[0]], data: line.slice(1) };
};
const encode = (data) => (typeof data === 'string' ? `4${data}\n` : `b${Buffer.from(data).toString('base64')}\n`);

// The client's end, for its option transports.
export class Lines extends Transport {
  get name() {
    return 'lines';
  }

  doOpen() {
    this.wire = connect(Number(this.opts.port), this.opts.hostname);
    this.wire.on('connect', () => this.onOpen());
    this.wire.on('error', (err) => this.onError('lines error', err));
    this.wire.on('close', () => this.onClose());
    createInterface({ input: this.wire }).on('line', (line) => this.onPacket(decode(line)));
  }

  write(packets) {
    this.writable = false;
    for (const { type, data } of packets) this.wire.write(type === 'message' ? encode(data) : '1\n');
    this.setTimeoutFn(() => {
      this.writable = true;
      this.emitReserved('drain');
    }, 0);
  }

  doClose() {
    this.wire.end();
  }
}

// The official server's end: what it takes for a connection of its engine.
class Conn extends EventEmitter {
  protocol = 4;
  readyState = 'open';
  transport = { name: 'lines', writable: true };

  constructor(wire, id) {
    super();
    Object.assign(this, { wire, id, remoteAddress: wire.remoteAddress });
    this.request = { headers: {}, connection: wire, url: '/', _query: {} };
    wire.on('error', () => {});
    wire.on('close', () => this.#end('transport close'));
    createInterface({ input: wire }).on('line', (line) => {
      const { type, data } = decode(line);
      if (type === 'message') this.emit('data', data);
      else this.close('transport close');
    });
  }

  write(data) {
    if (this.readyState === 'open') this.wire.write(encode(data));
  }

  close(reason = 'forced close') {
    this.wire.end();
    this.#end(reason);
  }

  #end(reason) {
    if (this.readyState === 'closed') return;
    this.readyState = 'closed';
    this.emit('close', reason);
  }
}

// Serves clients that speak in lines by the official server; resolves with the port.
export function serveLines(io) {
  let count = 0;
  const server = createServer((wire) => {
    const sid = `lines-${++count}`;
    wire.write(`0${JSON.stringify({ sid, upgrades: [], pingInterval: 300_000, pingTimeout: 200_000, maxPayload: 1e6 })}\n`);
    io.onconnection(new Conn(wire, sid));
  });
  server.unref();
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server.address().port)));
}
