// Rules of CORS that a function says for each request.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { profile } from '../suite/profile.mjs';
import { request } from '../suite/raw.mjs';
import { startServer } from '../suite/server.mjs';

let server;
before(async () => (server = await startServer({ corsOrigin: 'delegate' })));
after(() => server.stop());

const ask = (method, origin, params) =>
  request(server, { EIO: '4', transport: 'polling', ...params }, { method, headers: { origin } });
const told = (res, name) => res.headers.get(`access-control-${name}`);

test('CORS by request: each has its own rules', async () => {
  for (const origin of ['http://a.example', 'http://b.example']) {
    const own = await ask('GET', origin, { rules: 'own' });
    assert.deepEqual([own.status, told(own, 'allow-origin'), told(own, 'allow-credentials')], [200, origin, 'true']);
    const before = await ask('OPTIONS', origin, { rules: 'own' });
    assert.deepEqual([before.status, told(before, 'allow-methods'), told(before, 'max-age')], [204, 'GET', null]);
    const all = await ask('GET', origin, { rules: 'all' });
    assert.deepEqual([all.status, told(all, 'allow-origin'), told(all, 'allow-credentials')], [200, '*', null]);
  }
  const good = await ask('OPTIONS', 'http://good.example');
  assert.deepEqual([good.status, told(good, 'allow-origin'), told(good, 'max-age')], [204, 'http://good.example', '60']);
  const bad = await ask('GET', 'http://bad.example');
  assert.deepEqual([bad.status, told(bad, 'allow-origin')], [profile.foreignOrigin === 'refused' ? 403 : 200, null]);
});

test('CORS by request: an error refuses the request', async () => {
  for (const method of ['GET', 'OPTIONS']) {
    const res = await ask(method, 'http://a.example', { rules: 'error' });
    assert.deepEqual([res.status, JSON.parse(res.body)], [400, { code: 3, message: 'Bad request' }]);
  }
  await server.saw({ event: 'connection_error', code: 3, message: 'Bad request', context: { name: 'MIDDLEWARE_FAILURE' } });
});
