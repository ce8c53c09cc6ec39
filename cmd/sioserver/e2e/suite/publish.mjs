// The protocol beside Socket.IO that CONTRACT.md has for --publish: both ends.

import { createConnection, createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { until, within } from './wait.mjs';

// Serves the protocol by the official server; resolves with the port.
export function servePublish(io) {
  const wires = new Set();
  io.on('connection', (socket) =>
    socket.on('tell', (text) => wires.forEach((wire) => wire.write(`told ${text}\n`))),
  );
  const server = createServer((wire) => {
    wires.add(wire);
    wire.once('close', () => wires.delete(wire));
    wire.on('error', () => {});
    let rest = '';
    wire.setEncoding('utf8');
    wire.on('data', (text) => {
      const lines = (rest + text).split('\n');
      rest = lines.pop();
      for (const line of lines) {
        try {
          const { nsp, rooms, event, args } = JSON.parse(line);
          if (!nsp || !event) throw new Error('nsp and event are missing');
          io.of(nsp).to(rooms).emit(event, ...args);
          wire.write('ok\n');
        } catch (err) {
          wire.end(`error ${JSON.stringify(err.message)}\n`);
          return;
        }
      }
      if (rest.length > 65_536) wire.end();
    });
  });
  server.unref();
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server.address().port)));
}

// A client of it.
export class Publisher {
  constructor(port) {
    this.wire = createConnection({ port, host: '127.0.0.1' });
    this.lines = [];
    this.wire.on('error', () => {});
    createInterface(this.wire).on('line', (line) => this.lines.push(line)).on('error', () => {});
    this.ended = new Promise((resolve) => this.wire.once('close', resolve));
  }

  write(text) {
    this.wire.write(text);
  }

  publish(event) {
    this.write(JSON.stringify({ nsp: '/', rooms: [], args: [], ...event }) + '\n');
  }

  async line() {
    await until(() => this.lines.length > 0, 'a line');
    return this.lines.shift();
  }

  end() {
    this.wire.destroy();
    return within(this.ended, 'the end');
  }
}
