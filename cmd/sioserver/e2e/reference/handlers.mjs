// The events of CONTRACT.md on the official server, the same in every namespace.

import { createHash } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';

const held = new Map();

export function events(socket, journal) {
  record(socket, journal);
  socket.emit('auth', socket.handshake.auth);
  echoes(socket);
  questions(socket);
  binary(socket);
  rooms(socket);
  broadcasts(socket);
  volatiles(socket);
  leaving(socket);
}

function record(socket, journal) {
  const line = { nsp: socket.nsp.name, sid: socket.id };
  let left = [];
  journal({ event: 'connect', ...line, recovered: socket.recovered });
  socket.on('note', (...all) => journal({ event: 'note', ...line, args: split(all)[0] }));
  socket.on('disconnecting', () => {
    left = [...socket.rooms].sort();
  });
  socket.on('disconnect', (reason) => journal({ event: 'disconnect', ...line, reason, rooms: left }));
}

export function split(args) {
  const ack = typeof args.at(-1) === 'function' ? args.at(-1) : undefined;
  return [ack ? args.slice(0, -1) : args, ack];
}

function echoes(socket) {
  socket.on('echo', (...all) => {
    const [args, ack] = split(all);
    socket.emit('echo', ...args);
    ack?.(...args);
  });
  socket.on('message', (...args) => socket.emit('message-back', ...args));
  socket.on('plain', (...args) => socket.compress(false).emit('plain', ...args));
  socket.on('message-with-ack', (...all) => {
    const [args, ack] = split(all);
    ack(...args);
  });
  socket.on('sequence', (n) => {
    for (let i = 0; i < n; i++) socket.emit('seq', i);
  });
  socket.on('handshake', (ack) => {
    const { auth, query, headers, address } = socket.handshake;
    ack({ auth, query, headers, address });
  });
  socket.on('steps', (ack) => ack(socket.data.steps ?? []));
  socket.on('transport', (ack) => ack(socket.conn.transport.name));
}

function questions(socket) {
  socket.on('hold', (key, ack) => held.set(key, ack));
  socket.on('release', (key, ...args) => {
    held.get(key)(...args);
    held.delete(key);
  });
  socket.on('ask', (...args) => {
    socket.emit('question', ...args, (...answers) => socket.emit('answer', ...answers));
  });
  socket.on('ask-timeout', (ms, ...args) => {
    socket.timeout(ms).emit('question', ...args, (err, ...answers) => {
      socket.emit('answer-timeout', err ? err.message : null, ...answers);
    });
  });
  socket.on('ask-all', (ms, ...all) => {
    const [args, ack] = split(all);
    socket.nsp.timeout(ms).emit('question', ...args, (err, answers) => ack(err ? err.message : null, answers));
  });
}

function binary(socket) {
  socket.on('digest', (...all) => {
    const [buffers, ack] = split(all);
    ack(buffers.map((b) => ({ bytes: b.length, sha256: createHash('sha256').update(b).digest('hex') })));
  });
  socket.on('give-binary', () => {
    const nested = {
      text: 'mixed',
      list: [Buffer.from([1, 2, 3]), { deep: Buffer.from([4, 5]) }],
      empty: Buffer.alloc(0),
      n: 1,
    };
    socket.emit('binary', Buffer.from(Array.from({ length: 256 }, (_, i) => i)), nested, 7);
  });
}

function rooms(socket) {
  const { nsp } = socket;
  socket.on('join', async (room, ack) => {
    await socket.join(room);
    ack?.();
  });
  socket.on('leave', async (room, ack) => {
    await socket.leave(room);
    ack?.();
  });
  socket.on('rooms', (ack) => ack([...socket.rooms].sort()));
  socket.on('members', async (room, ack) => {
    const sockets = await nsp.in(room).fetchSockets();
    ack(sockets.map((s) => s.id).sort());
  });
  socket.on('move', (from, to, ack) => {
    nsp.in(from).socketsJoin(to);
    nsp.in(from).socketsLeave(from);
    ack();
  });
}

function broadcasts(socket) {
  const { nsp } = socket;
  socket.on('room', (room, ...args) => nsp.to(room).emit('room', room, ...args));
  socket.on('room-others', (room, ...args) => socket.to(room).emit('room', room, ...args));
  socket.on('room-except', (room, except, ...args) => nsp.to(room).except(except).emit('room', room, ...args));
  socket.on('union', (list, ...args) => nsp.to(list).emit('union', ...args));
  socket.on('bcast', (...args) => nsp.emit('bcast', ...args));
  socket.on('bcast-others', (...args) => socket.broadcast.emit('bcast', ...args));
  socket.on('bcast-except', (except, ...args) => nsp.except(except).emit('bcast', ...args));
}

function volatiles(socket) {
  const { nsp } = socket;
  socket.on('volatile-burst', (n) => {
    for (let i = 0; i < n; i++) socket.volatile.emit('v', i);
    socket.emit('v-end');
  });
  socket.on('volatile-room', (room, x, ack) => {
    nsp.to(room).volatile.emit('v', x);
    ack();
  });
  socket.on('volatile-flood', async (room, n, bytes, ack) => {
    const ballast = 'x'.repeat(bytes);
    for (let i = 0; i < n; i++) {
      nsp.to(room).volatile.emit('v', i, ballast);
      await pause(1);
    }
    ack();
  });
}

function leaving(socket) {
  socket.on('kick', (close) => socket.disconnect(close));
  socket.on('kick-room', (room, close) => socket.nsp.in(room).disconnectSockets(close));
}
