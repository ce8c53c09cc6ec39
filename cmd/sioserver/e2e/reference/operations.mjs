// The events of CONTRACT.md that go through operators, and those about the socket's own state, on the official server.

import { split } from './handlers.mjs';

// The operator a target names: of the namespace, or of the socket itself, which leaves the socket out.
function operator(socket, { from = 'namespace', to, except, local, volatile, ms }) {
  let op = from === 'socket' ? socket.broadcast : socket.nsp;
  if (to) op = op.to(to);
  if (except) op = op.except(except);
  if (local) op = op.local;
  if (volatile) op = op.volatile;
  if (ms !== undefined) op = op.timeout(ms);
  return op;
}

const message = (err) => err?.message ?? null;

export function operations(socket, family, emitter) {
  socket.on('op-emit', (target, ...args) => operator(socket, target).emit('op', ...args));
  socket.on('op-ask', (target, ...all) => {
    const [args, ack] = split(all);
    operator(socket, target).emit('question', ...args, (err, answers) => ack(message(err), answers));
  });
  socket.on('op-fetch', async (target, ack) => {
    const sockets = await operator(socket, target).fetchSockets();
    const seen = sockets.map(({ id, rooms, data, handshake }) => {
      return { id, rooms: [...rooms].sort(), value: data.value ?? null, auth: handshake.auth };
    });
    ack(seen.sort((a, b) => (a.id < b.id ? -1 : 1)));
  });
  socket.on('op-join', (target, rooms, ack) => {
    operator(socket, target).socketsJoin(rooms);
    ack();
  });
  socket.on('op-leave', (target, rooms, ack) => {
    operator(socket, target).socketsLeave(rooms);
    ack();
  });
  socket.on('op-disconnect', (target, close) => operator(socket, target).disconnectSockets(close));
  found(socket);
  state(socket);
  if (emitter) outside(socket, emitter.of(socket.nsp.name));
  socket.on('family', (...args) => family.emit('family', ...args));
  socket.on('family-room', (room, ...args) => family.to(room).emit('family', ...args));
}

// What can be done to a socket that a query has found.
function found(socket) {
  const find = async (id) => (await socket.nsp.in(id).fetchSockets())[0];
  socket.on('found-ask', async (id, ms, ...all) => {
    const [args, ack] = split(all);
    (await find(id)).timeout(ms).emit('question', ...args, (err, answer) => ack(message(err), answer));
  });
  socket.on('found-emit', async (id, ...args) => (await find(id)).emit('found', ...args));
  socket.on('found-move', async (id, from, to, ack) => {
    const other = await find(id);
    other.leave(from);
    other.join(to);
    ack();
  });
  socket.on('found-kick', async (id, close) => (await find(id)).disconnect(close));
}

function state(socket) {
  const { server } = socket;
  socket.on('remember', (value, ack) => {
    socket.data.value = value;
    ack();
  });
  socket.on('state', (ack) => {
    ack({ recovered: socket.recovered, value: socket.data.value ?? null, rooms: [...socket.rooms].sort() });
  });
  socket.on('exists', (name, ack) => ack(server._nsps.has(name)));
  socket.on('side', (...all) => {
    const [args, ack] = split(all);
    server.of('/').serverSideEmit('side', ...args);
    ack();
  });
  socket.on('side-ask', (...all) => {
    const [args, ack] = split(all);
    server.of('/').serverSideEmit('side-question', ...args, (err, answers) => ack(message(err), answers));
  });
  socket.on('join-late', (room) => {
    socket.disconnect();
    socket.join(room);
  });
}

// What a process that is no server does to the sockets of all servers.
function outside(socket, emitter) {
  const operator = ({ to = [], except = [], volatile }) => {
    const op = emitter.to(to).except(except);
    return volatile ? op.volatile : op;
  };
  socket.on('emitter-emit', (target, ...args) => operator(target).emit('op', ...args));
  socket.on('emitter-join', (target, rooms, ack) => {
    operator(target).socketsJoin(rooms);
    ack();
  });
  socket.on('emitter-leave', (target, rooms, ack) => {
    operator(target).socketsLeave(rooms);
    ack();
  });
  socket.on('emitter-disconnect', (target, close) => operator(target).disconnectSockets(close));
  socket.on('emitter-side', (...all) => {
    const [args, ack] = split(all);
    emitter.serverSideEmit('side', ...args);
    ack();
  });
}
