// The header fields for pages of other origins, by hand: on answers, preflights, refusals, websocket handshakes, files.

import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import WebSocket from 'ws';
import { profile } from '../suite/profile.mjs';
import { address, endWebSockets, request } from '../suite/raw.mjs';
import { startServer } from '../suite/server.mjs';
import { within } from '../suite/wait.mjs';

const POLLING = { EIO: '4', transport: 'polling' };
const GOOD = 'https://good.example';
const BAD = 'https://bad.example';
const LIST = `${GOOD},https://other.example`;
const METHODS = 'GET,HEAD,PUT,PATCH,POST,DELETE';

afterEach(endWebSockets);

function withServer(name, flags, run) {
  test(`cors fields, ${name}`, async () => {
    const server = await startServer(flags);
    try {
      await run(server);
    } finally {
      await server.stop();
    }
  });
}

// The fields of an answer that are about origins, without those that are not there.
function fields(headers) {
  const get = (name) => headers.get?.(name) ?? headers[name] ?? undefined;
  const vary = get('vary')?.split(',').map((name) => name.trim()).filter(isOurs);
  const all = {
    origin: get('access-control-allow-origin'),
    credentials: get('access-control-allow-credentials'),
    methods: get('access-control-allow-methods'),
    headers: get('access-control-allow-headers'),
    vary: vary?.length ? vary.join() : undefined,
  };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
}

// Compression is another reason for a cache to look at fields.
const isOurs = (name) => name.toLowerCase() !== 'accept-encoding';

async function ask(server, origin, { params = POLLING, ...init } = {}) {
  const headers = { ...init.headers, ...(origin && { Origin: origin }) };
  const res = await request(server, params, { ...init, headers });
  return { status: res.status, ...fields(res.headers) };
}

// One that is not allowed is served without being named, or refused.
const foreign = profile.foreignOrigin === 'refused' ? 403 : 200;

withServer('none unless they are asked for', {}, async (server) => {
  assert.deepEqual(await ask(server), { status: 200 });
  assert.deepEqual(await ask(server, GOOD), { status: foreign });
  assert.deepEqual(await ask(server, server.url), { status: 200 });
  assert.deepEqual(await ask(server, GOOD, { method: 'OPTIONS' }), { status: 400 });
});

withServer('every origin', { corsOrigin: '*' }, async (server) => {
  for (const origin of [GOOD, undefined, 'null']) assert.deepEqual(await ask(server, origin), { status: 200, origin: '*' });
});

withServer('one origin is named to everybody', { corsOrigin: GOOD }, async (server) => {
  const named = { origin: GOOD, vary: 'Origin' };
  assert.deepEqual(await ask(server, GOOD), { status: 200, ...named });
  assert.deepEqual(await ask(server), { status: 200, ...named });
  assert.deepEqual(await ask(server, BAD), { status: foreign, ...named });
});

for (const [name, corsOrigin] of [['a list', LIST], ['a pattern', '/^https://(good|other).example$/']]) {
  withServer(`${name}: the one that asks is named if it is in it`, { corsOrigin }, async (server) => {
    assert.deepEqual(await ask(server, GOOD), { status: 200, origin: GOOD, vary: 'Origin' });
    assert.deepEqual(await ask(server), { status: 200, vary: 'Origin' });
    for (const origin of [BAD, 'null', `${GOOD}.evil`, GOOD.toUpperCase(), `${GOOD}:8080`]) {
      assert.deepEqual(await ask(server, origin), { status: foreign, vary: 'Origin' }, origin);
    }
  });
}

withServer('preflights are answered before anything else', { corsOrigin: LIST, corsCredentials: true }, async (server) => {
  const wish = { 'Access-Control-Request-Method': 'POST', 'Access-Control-Request-Headers': 'x-a, x-b' };
  const told = { status: 204, credentials: 'true', methods: METHODS, vary: 'Origin,Access-Control-Request-Headers' };
  const preflight = (origin, headers, params) => ask(server, origin, { method: 'OPTIONS', headers, params });
  assert.deepEqual(await preflight(GOOD, wish), { ...told, origin: GOOD, headers: 'x-a, x-b' });
  assert.deepEqual(await preflight(GOOD, {}), { ...told, origin: GOOD });
  assert.deepEqual(await preflight(GOOD, {}, { ...POLLING, sid: 'nobody' }), { ...told, origin: GOOD });
  assert.deepEqual(await preflight(GOOD, {}, {}), { ...told, origin: GOOD });
  assert.deepEqual(await preflight(BAD, wish), { ...told, headers: 'x-a, x-b' });
});

withServer('refusals have them too', { corsOrigin: LIST, corsCredentials: true }, async (server) => {
  const named = { origin: GOOD, credentials: 'true', vary: 'Origin' };
  assert.deepEqual(await ask(server, GOOD, { params: { ...POLLING, sid: 'nobody' } }), { status: 400, ...named });
  assert.deepEqual(await ask(server, GOOD, { params: { EIO: '4', transport: 'abc' } }), { status: 400, ...named });
  assert.deepEqual(await ask(server, GOOD, { method: 'PUT', body: '' }), { status: 400, ...named });
});

withServer('every answer of a session', { corsOrigin: LIST }, async (server) => {
  const named = { status: 200, origin: GOOD, vary: 'Origin' };
  const opened = await fetch(address(server, POLLING), { headers: { Origin: GOOD } });
  const { sid } = JSON.parse((await opened.text()).slice(1));
  const params = { ...POLLING, sid };
  assert.deepEqual(await ask(server, GOOD, { params, method: 'POST', body: '40' }), named);
  assert.deepEqual(await ask(server, GOOD, { params }), named);
});

withServer('a path below that of the engine', { corsOrigin: LIST }, async (server) => {
  const headers = { Origin: GOOD };
  const { status } = await request(server, POLLING, { path: '/socket.io/default/', headers });
  assert.equal(status, profile.longerPath);
});

withServer('the answer to a websocket', { corsOrigin: LIST, corsCredentials: true }, async (server) => {
  const shake = (origin) => {
    const ws = new WebSocket(`${server.wsUrl}/socket.io/?EIO=4&transport=websocket`, { origin });
    ws.on('error', () => {});
    const answer = new Promise((resolve) => {
      for (const event of ['upgrade', 'unexpected-response']) {
        ws.once(event, (...args) => resolve({ status: args.at(-1).statusCode, ...fields(args.at(-1).headers) }));
      }
    });
    return within(answer, 'answer to the websocket handshake').finally(() => ws.terminate());
  };
  assert.deepEqual(await shake(GOOD), { status: 101, origin: GOOD, credentials: 'true', vary: 'Origin' });
  const status = profile.foreignOrigin === 'refused' ? 403 : 101;
  assert.deepEqual(await shake(BAD), { status, credentials: 'true', vary: 'Origin' });
});

withServer('the files of the client', { corsOrigin: LIST }, async (server) => {
  const get = async (origin) => {
    const headers = { Origin: origin };
    const res = await request(server, {}, { path: '/socket.io/socket.io.js', headers });
    return { status: res.status, ...fields(res.headers) };
  };
  assert.deepEqual(await get(GOOD), { status: 200, origin: GOOD, vary: 'Origin' });
  assert.deepEqual(await get(BAD), { status: 200, vary: 'Origin' });
});
