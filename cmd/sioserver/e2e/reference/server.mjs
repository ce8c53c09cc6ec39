// The test application of CONTRACT.md on the official server: process, flags, journal and page.

import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { parseArgs } from 'node:util';
import { Server } from 'socket.io';
import { handlers } from './handlers.mjs';

const { values: flags } = parseArgs({
  options: {
    listen: { type: 'string' },
    'ping-interval': { type: 'string', default: '25000' },
    'ping-timeout': { type: 'string', default: '20000' },
    'connect-timeout': { type: 'string', default: '45000' },
    'max-payload': { type: 'string', default: '1000000' },
    dev: { type: 'boolean', default: false },
  },
});

const [host, port] = (flags.listen ?? '').split(':');
if (!host || !port) {
  console.error('usage: server.mjs --listen HOST:PORT [flags, see CONTRACT.md]');
  process.exit(2);
}

const PAGE_DIR = new URL('../../page/', import.meta.url);
const PAGE_FILES = new Map([
  ['/', ['index.html', 'text/html; charset=utf-8']],
  ['/app.js', ['app.js', 'text/javascript; charset=utf-8']],
  ['/style.css', ['style.css', 'text/css; charset=utf-8']],
]);

async function serve(req, res) {
  const file = flags.dev && req.method === 'GET' && PAGE_FILES.get(req.url.split('?')[0]);
  if (!file) {
    res.writeHead(404).end();
    return;
  }
  const body = await readFile(new URL(file[0], PAGE_DIR));
  res.writeHead(200, { 'Content-Type': file[1], 'Cache-Control': 'no-cache' }).end(body);
}

const http = createServer(serve);
const io = new Server(http, {
  pingInterval: Number(flags['ping-interval']),
  pingTimeout: Number(flags['ping-timeout']),
  connectTimeout: Number(flags['connect-timeout']),
  maxHttpBufferSize: Number(flags['max-payload']),
});

// A pipe is written synchronously here, so that a line is out before the process can die.
const journal = (line) => process.stdout.write(JSON.stringify(line) + '\n');

handlers(io, journal);

process.once('SIGTERM', () => {
  // Clients with their own keep-alive connections must not hold the process up.
  setTimeout(() => process.exit(0), 1000).unref();
  io.close(() => process.exit(0));
});

http.on('error', (err) => {
  console.error(err.message);
  process.exit(1);
});
http.listen(Number(port), host, () => journal({ listening: `${host}:${port}` }));
