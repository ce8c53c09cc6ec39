// Scenarios with the operator's server and a backend behind it.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { SECRET, startBackend } from './backend.mjs';
import { client, connected } from './client.mjs';
import { startOperator } from './operator.mjs';
import { until } from './wait.mjs';

// Runs with a directory, and ends all that was started. Limit is for those that take longer than the usual.
export const scenario = (title, run, limit) =>
  test(title, { timeout: limit }, async (t) => {
    const dir = await mkdtemp(join(tmpdir(), 'sio-e2e-backend-'));
    const ends = [() => rm(dir, { recursive: true, force: true })];
    const later = (end) => ends.unshift(end);
    try {
      await run({
        dir,
        later,
        figure: (text) => t.diagnostic(text),
        operator: async (config, port) => {
          const server = await startOperator(config, [], port);
          later(() => server.stop('SIGKILL').catch(() => {}));
          return server;
        },
        backend: async (at, env) => {
          const b = await startBackend(at, env);
          later(b.stop);
          return b;
        },
      });
    } finally {
      for (const end of ends) await end();
    }
  });

// A connected client, in upgrade mode on websocket; the connect of the suite wants an event of CONTRACT.md for that.
export async function enter(server, mode, options) {
  const socket = client(server, mode, options);
  await connected(socket);
  if (mode === 'upgrade') await until(() => socket.io.engine.transport.name === 'websocket', 'upgrade');
  return socket;
}

// Who a client says it is, in the way the backend of that kind asks for.
export const as = (kind, name) => (kind === 'php' ? { extraHeaders: { cookie: `a=b; user=${name}` } } : { auth: { name } });

export const hooked = (url) => ({
  auth: { required: true },
  hooks: { defaults: { secret: [SECRET] }, connect: { url }, join: { url }, event: { url } },
  namespaces: [{
    name: '/',
    rooms: [{ match: 'staff', join: 'hook' }, { match: 'public:*', join: 'anyone', publish: 'members', presence: { enabled: true, leave_grace: '0s' } }],
    commands: ['join', 'leave', 'publish', 'presence'],
    events: [{ match: ['order.*'], action: 'hook' }, { match: ['typing'], action: 'relay', to: '{data.room}', require: 'member' }],
  }],
});
