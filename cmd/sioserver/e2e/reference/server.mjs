// The test application of CONTRACT.md on the official server: process, journal and page.

import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { Server } from 'socket.io';
import { serveLines } from '../suite/lines.mjs';
import { servePublish } from '../suite/publish.mjs';
import { cluster } from './cluster.mjs';
import { readFlags, serverOptions } from './flags.mjs';
import { namespaces } from './namespaces.mjs';

const flags = readFlags();
const [host, port] = flags.listen.split(':');
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

const http = flags['tls-cert']
  ? createSecureServer({ cert: readFileSync(flags['tls-cert']), key: readFileSync(flags['tls-key']) }, serve)
  : createServer(serve);
const { adapter, emitter } = await cluster(flags);
const io = new Server(http, { ...serverOptions(flags), ...(adapter && { adapter }) });

// A pipe is written synchronously here, so that a line is out before the process can die.
const journal = (line) => process.stdout.write(JSON.stringify(line) + '\n');

namespaces(io, journal, emitter);

io.engine.on('connection_error', ({ code, message, context }) => {
  const { error, ...rest } = context ?? {};
  journal({ event: 'connection_error', code, message, context: rest });
});
if (flags['engine-events'] === 'true') {
  io.engine.on('connection', (conn) => {
    const note = (event) => journal({ event, id: conn.id, transport: conn.transport.name, upgrading: conn.upgrading });
    note('engine-connection');
    conn.on('upgrading', () => note('engine-upgrading'));
    conn.on('upgrade', () => note('engine-upgrade'));
    conn.on('close', (reason) => {
      const clients = io.engine.clientsCount;
      setImmediate(() => journal({ event: 'engine-close', id: conn.id, reason, clients: Math.min(clients, io.engine.clientsCount) }));
    });
    conn.send('hello');
  });
}
if (flags['generate-id']) {
  io.engine.generateId = async (req) => {
    const id = new URL(req.url, 'http://localhost').searchParams.get(flags['generate-id']);
    if (!id) throw new Error('no id');
    return id;
  };
}
if (flags['mark-headers'] === 'true') {
  io.engine.on('initial_headers', (headers) => Object.assign(headers, { 'x-sio-first': 'yes', 'set-cookie': 'first=1' }));
  io.engine.on('headers', (headers) => Object.assign(headers, { 'x-sio-every': 'yes' }));
}

if (flags['room-events'] === 'true') {
  const watch = (nsp) => {
    for (const event of ['create-room', 'delete-room', 'join-room', 'leave-room']) {
      nsp.adapter.on(event, (room, sid) => journal({ event, nsp: nsp.name, room, sid }));
    }
  };
  for (const nsp of io._nsps.values()) watch(nsp);
  io.on('new_namespace', watch);
}

process.once('SIGTERM', () => {
  // Clients with their own keep-alive connections must not hold the process up.
  setTimeout(() => process.exit(0), 1000).unref();
  io.close(() => process.exit(0));
});

http.on('error', (err) => {
  console.error(err.message);
  process.exit(1);
});
http.listen(Number(port), host, async () => {
  journal({ listening: `${host}:${port}` });
  if (flags.publish === 'true') journal({ event: 'publish', port: await servePublish(io) });
  if (flags.lines === 'true') journal({ event: 'lines', port: await serveLines(io) });
});
