// The namespaces of CONTRACT.md on the official server: who gets in, and what listens besides the events.

import { events } from './handlers.mjs';
import { operations } from './operations.mjs';

const SLOW_MS = 150;
const ASK_MS = 50;

export function namespaces(io, journal, emitter) {
  guard(io, journal);
  const byFunction = (name, auth, next) => {
    setTimeout(() => next(null, name.startsWith('/fn-') && auth.token === 'open'), ASK_MS);
  };
  const names = ['/', '/custom', '/chat', '/guarded', '/slow', '/refuse', '/packets', '/watched'];
  const families = [/^\/dyn-\d+$/, /^\/dyn-refuse-\d+$/, byFunction];
  for (const name of [...names, ...families]) {
    const nsp = io.of(name);
    if (name === families[1]) nsp.use((socket, next) => next(new Error('Refused')));
    nsp.on('connection', (socket) => {
      if (socket.nsp.name === '/packets') packets(socket, journal);
      if (socket.nsp.name === '/watched') watch(socket, journal);
      events(socket, journal);
      operations(socket, families.includes(name) ? nsp : undefined, emitter);
    });
  }
  io.on('new_namespace', ({ name }) => journal({ event: 'new_namespace', nsp: name }));
  io.of('/').on('side', (...args) => journal({ event: 'side', args }));
  io.of('/').on('side-question', (...all) => all.pop()(all));
}

function guard(io, journal) {
  io.of('/guarded').use((socket, next) => {
    journal({ event: 'middleware', nsp: '/guarded', sid: socket.id });
    if (socket.handshake.auth.token !== 'secret') {
      next(Object.assign(new Error('Not authorized'), { data: { code: 401, hint: 'token' } }));
      return;
    }
    socket.data.steps = ['one'];
    next();
  });
  io.of('/guarded').use((socket, next) => {
    socket.data.steps.push('two');
    next();
  });
  io.of('/slow').use((socket, next) => setTimeout(next, SLOW_MS));
  io.of('/refuse').use((socket, next) => next(new Error('Refused')));
}

// Two packet middlewares, the first of which refuses an event.
function packets(socket, journal) {
  const trail = [];
  socket.use(([name], next) => {
    trail.push(`first ${name}`);
    next(name === 'forbidden' ? new Error('Not allowed') : undefined);
  });
  socket.use((event, next) => {
    trail.push(`second ${event[0]}`);
    if (event[0] === 'change') event[1] = 'changed';
    next();
  });
  socket.on('change', (value, ack) => ack(value));
  socket.on('forbidden', (ack) => ack('let through'));
  socket.on('trail', (ack) => ack(trail));
  socket.on('error', ({ message }) => journal({ event: 'error', nsp: '/packets', sid: socket.id, message }));
}

// Listeners for every event in both directions, one of each kind put in front of the other.
function watch(socket, journal) {
  const saw = (event, by) => (...args) => {
    if (typeof args.at(-1) === 'function') args.pop();
    journal({ event, by, nsp: '/watched', sid: socket.id, args });
  };
  socket.onAny(saw('any', 'appended'));
  socket.prependAny(saw('any', 'prepended'));
  socket.onAnyOutgoing(saw('any-outgoing', 'appended'));
  socket.prependAnyOutgoing(saw('any-outgoing', 'prepended'));
  socket.on('unwatch', (ack) => {
    socket.offAny();
    socket.offAnyOutgoing();
    ack();
  });
}
