// The application contract on the official socket.io API, and the flags and ready line of the JavaScript targets.

export function contract(io) {
  io.on('connection', (socket) => {
    socket.on('echo', (...args) => {
      const ack = typeof args.at(-1) === 'function' ? args.pop() : undefined;
      socket.emit('echo', ...args);
      ack?.(...args);
    });
    socket.on('join', (room, ack) => {
      socket.join(room);
      ack?.();
    });
    socket.on('room', (room, ...args) => io.to(room).emit('room', room, ...args));
    socket.on('bcast', (...args) => io.emit('bcast', ...args));
    socket.on('sink', () => {});
  });
}

export function listenFlag() {
  const i = process.argv.indexOf('--listen');
  const [, host, port] = /^(.+):(\d+)$/.exec(i < 0 ? '' : (process.argv[i + 1] ?? '')) ?? [];
  if (port === undefined || port > 65535) {
    console.error('usage: run --listen HOST:PORT');
    process.exit(2);
  }
  return { host, port: Number(port) };
}

export const ready = (host, port, fields) => {
  console.log(JSON.stringify({ listening: `${host}:${port}`, ...fields }));
};
