// The operator's server, sioserver with a configuration: its client plane, its control plane, and a key for it.

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort, launch } from './server.mjs';

const command = process.env.SIO_OPERATOR_CMD;

export const KEY = 'key-of-the-tests';

// Objects are merged, everything else is replaced.
function merge(base, over) {
  const out = { ...base };
  for (const [name, value] of Object.entries(over ?? {})) {
    const both = [out[name], value].every((v) => v && typeof v === 'object' && !Array.isArray(v));
    out[name] = both ? merge(out[name], value) : value;
  }
  return out;
}

// What tests need of a configuration and mostly do not care about.
const usual = {
  auth: { required: false },
  control: { keys: [{ name: 'tests', key: KEY, scopes: ['emit', 'read', 'manage', 'admin'] }] },
  namespaces: [{ name: '/', events: [{ match: ['*'], action: 'ack', ack: [{ ok: true }] }] }],
  drain: { pre_stop: '0s', over: '0s' },
};

// Starts it with this configuration over the usual one, on a free port or one that it shares. The files of a stopped
// server are removed.
export async function startOperator(config = {}, flags = [], port = undefined) {
  if (!command) throw new Error('SIO_OPERATOR_CMD: no command for the operator\'s server');
  const dir = await mkdtemp(join(tmpdir(), 'sio-e2e-operator-'));
  const file = join(dir, 'sioserver.yaml');
  const write = (c) => writeFile(file, JSON.stringify(merge(usual, c)));
  await write(config);
  const control = `127.0.0.1:${await freePort()}`;
  const server = await launch(command, ['-c', file, '--control-listen', control, ...flags], undefined, port);
  server.control = `http://${control}`;
  server.rewrite = write; // for a reload
  const stop = server.stop.bind(server);
  server.stop = async (signal) => {
    try {
      await stop(signal);
    } finally {
      await rm(dir, { recursive: true, force: true });
    }
  };
  // A request to the API: resolves with {status, headers, body}.
  server.api = async (method, path, body, headers = { Authorization: `Bearer ${KEY}` }) => {
    const answer = await fetch(`${server.control}/api/v1/${path}`, {
      method,
      headers: { ...headers, ...(body === undefined ? {} : { 'Content-Type': 'application/json' }) },
      body: body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body),
    });
    const text = await answer.text();
    const json = /json/.test(answer.headers.get('content-type') ?? '');
    return { status: answer.status, headers: answer.headers, body: json && text ? JSON.parse(text) : text };
  };
  return server;
}
