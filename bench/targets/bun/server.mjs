// socket.io on Bun, with Bun's own engine.

import { Server as Engine } from '@socket.io/bun-engine';
import { Server } from 'socket.io';
import engine from '@socket.io/bun-engine/package.json';
import socketio from 'socket.io/package.json';
import { contract, listenFlag, ready } from '../contract.mjs';

const { host, port } = listenFlag();
const io = new Server({ serveClient: false });
const bunEngine = new Engine({ path: '/socket.io/' });
io.bind(bunEngine);
contract(io);

process.once('SIGTERM', () => process.exit(0));
try {
  const server = Bun.serve({ hostname: host, port, ...bunEngine.handler() });
  ready(host, server.port, { name: 'bun', version: `${socketio.version}, bun-engine ${engine.version}, Bun ${Bun.version}` });
} catch (err) {
  console.error(err.message);
  process.exit(1);
}
