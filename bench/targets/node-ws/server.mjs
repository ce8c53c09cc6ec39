// socket.io with its default websocket engine, ws, on node:http.

import { createRequire } from 'node:module';
import { createServer } from 'node:http';
import { Server } from 'socket.io';
import { contract, listenFlag, ready } from '../contract.mjs';

const versionOf = (name) => createRequire(import.meta.url)(`${name}/package.json`).version;
const version = `${versionOf('socket.io')}, ws ${versionOf('ws')}, Node.js ${process.versions.node}`;
const { host, port } = listenFlag();
const http = createServer();
const io = new Server(http, { serveClient: false });
contract(io);

http.on('error', (err) => {
  console.error(err.message);
  process.exit(1);
});
process.once('SIGTERM', () => process.exit(0));
http.listen({ host, port, backlog: 4096 }, () => {
  ready(host, http.address().port, { name: 'node-ws', version });
});
