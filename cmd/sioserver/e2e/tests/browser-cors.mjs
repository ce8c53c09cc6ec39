// Pages of other origins in Chromium: who may connect, with which headers and with which cookies.

import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import { after, afterEach, before, test } from 'node:test';
import { Browser, ask, dial, dialled } from '../suite/browser.mjs';
import { MODES, settled } from '../suite/client.mjs';
import { Origin } from '../suite/origin.mjs';
import { profile } from '../suite/profile.mjs';
import { startServer } from '../suite/server.mjs';

const CLIENT = fileURLToPath(new URL('../node_modules/socket.io-client/dist/socket.io.js', import.meta.url));
const TRANSPORTS = { polling: ['polling'], websocket: ['websocket'], upgrade: ['polling', 'websocket'] };
const POLLING = { transports: ['polling'] };

let browser;
let origin;
before(async () => ([browser, origin] = await Promise.all([Browser.start(), Origin.start()])));
after(async () => {
  await browser?.stop();
  await origin?.stop();
});
afterEach(async () => {
  await browser.context.clearCookies();
  await browser.closeTabs();
});

function withServer(name, flags, run) {
  test(`cors: ${name}`, async () => {
    const server = await startServer(flags());
    try {
      await run(server);
    } finally {
      await server.stop();
    }
  });
}

async function assertRefused(page, server, options = POLLING) {
  assert.deepEqual(await dial(page, server.url, options), { error: 'xhr poll error' });
}

const listed = () => ({ corsOrigin: `${origin.far},https://example.com` });

withServer('a listed origin connects by every transport, another does not', listed, async (server) => {
  const page = await browser.visit(origin.far, CLIENT);
  for (const mode of MODES) {
    assert.deepEqual(await dial(page, server.url, { transports: TRANSPORTS[mode] }), dialled(settled(mode)));
  }
  const other = await browser.visit(origin.near, CLIENT);
  await assertRefused(other, server);
  await assertRefused(other, server, { transports: TRANSPORTS.upgrade });
});

withServer(`a websocket from an origin that is not listed is ${profile.foreignOrigin}`, listed, async (server) => {
  const other = await browser.visit(origin.near, CLIENT);
  const outcome = await dial(other, server.url, { transports: ['websocket'] });
  if (profile.foreignOrigin === 'served') {
    assert.deepEqual(outcome, dialled('websocket'));
    assert.equal((await ask(other, 'handshake')).headers.origin, origin.near);
  } else {
    assert.deepEqual(outcome, { error: 'websocket error' });
  }
});

withServer('nobody from elsewhere, unless it is allowed', () => ({}), async (server) => {
  for (const url of [origin.near, origin.far]) await assertRefused(await browser.visit(url, CLIENT), server);
  const own = await browser.visit(server, CLIENT);
  assert.deepEqual(await dial(own, server.url, POLLING), dialled('polling'));
});

withServer('everybody, but without credentials', () => ({ corsOrigin: '*' }), async (server) => {
  for (const url of [origin.near, origin.far]) {
    const page = await browser.visit(url, CLIENT);
    assert.deepEqual(await dial(page, server.url, POLLING), dialled('polling'));
    await assertRefused(page, server, { ...POLLING, withCredentials: true });
  }
});

withServer('origins by a pattern', () => ({ corsOrigin: '/^http://localhost:[0-9]+$/' }), async (server) => {
  const page = await browser.visit(origin.far, CLIENT);
  assert.deepEqual(await dial(page, server.url, POLLING), dialled('polling'));
  await assertRefused(await browser.visit(origin.near, CLIENT), server);
});

withServer('headers of the page reach the handshake behind a preflight', listed, async (server) => {
  const page = await browser.visit(origin.far, CLIENT);
  const options = { ...POLLING, extraHeaders: { 'x-token': 'from the page' } };
  assert.deepEqual(await dial(page, server.url, options), dialled('polling'));
  assert.equal((await ask(page, 'handshake')).headers['x-token'], 'from the page');
  const other = await browser.visit(origin.near, CLIENT);
  await assertRefused(other, server, options);
});

const trusting = () => ({ corsOrigin: `${origin.near},${origin.far}`, corsCredentials: true, cookie: 'io' });

withServer('the cookie of the handshake comes back with credentials', trusting, async (server) => {
  const page = await browser.visit(origin.near, CLIENT);
  const options = { ...POLLING, withCredentials: true };
  assert.deepEqual(await dial(page, server.url, options), dialled('polling'));
  const id = await page.evaluate(() => socket.io.engine.id);
  const [cookie, ...others] = await browser.context.cookies(server.url);
  assert.deepEqual(others, []);
  const { name, value, path, httpOnly, sameSite, expires } = cookie;
  assert.deepEqual([name, value, path, httpOnly, sameSite, expires], ['io', id, '/', true, 'Lax', -1]);
  assert.equal(await page.evaluate(() => document.cookie), '');

  assert.deepEqual(await dial(page, server.url, options), dialled('polling'));
  assert.equal((await ask(page, 'handshake')).headers.cookie, `io=${id}`);
});

withServer('no cookie without credentials, nor to another site', trusting, async (server) => {
  for (const [url, withCredentials] of [[origin.near, false], [origin.far, true]]) {
    const page = await browser.visit(url, CLIENT);
    for (let visit = 0; visit < 2; visit++) {
      assert.deepEqual(await dial(page, server.url, { ...POLLING, withCredentials }), dialled('polling'));
      assert.equal((await ask(page, 'handshake')).headers.cookie, undefined);
    }
    assert.deepEqual(await browser.context.cookies(server.url), []);
  }
});

withServer('no cookie from a websocket', trusting, async (server) => {
  const page = await browser.visit(origin.near, CLIENT);
  const options = { transports: ['websocket'], withCredentials: true };
  assert.deepEqual(await dial(page, server.url, options), dialled('websocket'));
  assert.deepEqual(await browser.context.cookies(server.url), []);
});

withServer('no credentials where they are not allowed', listed, async (server) => {
  const page = await browser.visit(origin.far, CLIENT);
  await assertRefused(page, server, { ...POLLING, withCredentials: true });
  assert.deepEqual(await dial(page, server.url, POLLING), dialled('polling'));
});

withServer('the module of the client is imported from the server', listed, async (server) => {
  const url = `${server.url}/socket.io/socket.io.esm.min.js`;
  const load = async (at) => {
    const page = await browser.visit(at, CLIENT);
    return page.evaluate((url) => import(url).then((m) => typeof m.io, () => 'refused'), url);
  };
  assert.equal(await load(origin.far), 'function');
  assert.equal(await load(origin.near), 'refused');
});
