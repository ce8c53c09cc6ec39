// The admin page in Chromium: log-in, every page, what can be done there, who may not.

import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { after, afterEach, before, test } from 'node:test';
import { Browser, shows } from '../suite/browser.mjs';
import { connect } from '../suite/client.mjs';
import { KEY, startOperator } from '../suite/operator.mjs';
import { once } from '../suite/wait.mjs';

const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js');
const READER = 'key-that-only-reads';

let server;
let browser;
before(async () => {
  server = await startOperator({
    control: {
      keys: [
        { name: 'ops', key: KEY, scopes: ['emit', 'read', 'manage', 'admin'] },
        { name: 'reader', key: READER, scopes: ['read'] },
      ],
      admin_ui: { enabled: true },
    },
    namespaces: [{ name: '/' }, { name: '/chat' }],
  });
  browser = await Browser.start();
});
after(async () => {
  await browser?.stop();
  await server?.stop();
});
afterEach(async () => {
  await browser.context.clearCookies();
  await browser.closeTabs();
});

const client = (nsp = '/', options) => connect(server, 'websocket', { nsp, ...options });

const page = async (hash = '') => browser.tab({ url: `${server.control}/admin`, toString: () => hash });

async function logIn(key = KEY) {
  const p = await page();
  await p.getByLabel(/Key of the control plane/).fill(key);
  await p.getByRole('button', { name: 'Log in' }).click();
  return p;
}

const go = async (p, name, heading = name) => {
  await p.getByRole('link', { name, exact: true }).click();
  await shows(p, 'h1', heading);
};

test('admin page: a key that is none is refused, a cookie stays, log out ends it', async () => {
  const p = await logIn('wrong');
  await shows(p, '#message', /no such key/);
  await p.getByLabel(/Key of the control plane/).fill(KEY);
  await p.getByRole('button', { name: 'Log in' }).click();
  await shows(p, 'h1', 'Overview');
  await p.reload();
  await shows(p, 'h1', 'Overview');
  const [cookie] = await browser.context.cookies();
  assert.ok(cookie.httpOnly && cookie.sameSite === 'Strict' && !cookie.value.includes(KEY));
  await p.getByRole('button', { name: 'Log out' }).click();
  await shows(p, 'h1', 'Log in');
  await p.reload();
  await shows(p, 'h1', 'Log in');
});

test('admin page: overview counts, draws, and says that the server is ready', async () => {
  await Promise.all([client(), client(), client('/chat')]);
  const p = await logIn();
  await shows(p, 'main', /Connections3 of [\d,]+/);
  await shows(p, '#state', 'ready');
  await p.locator('figure canvas').first().waitFor();
  assert.equal(await p.locator('figure canvas').count(), 7);
  assert.deepEqual(p.faults.filter((f) => !/status of 401/.test(f)), []);
});

test('admin page: rooms lead to sockets, a socket to its rooms and data, and can be sent away', async () => {
  const [a, b] = await Promise.all([client('/chat'), client('/chat', { reconnection: true })]);
  const joined = await server.api('POST', 'join', { namespace: '/chat', to: [a.id, b.id], rooms: ['tea <b>'] });
  assert.equal(joined.status, 200);
  const p = await logIn();
  await go(p, 'Rooms', 'Namespaces and rooms');
  await p.getByLabel('Namespace', { exact: true }).fill('/chat');
  await p.getByRole('button', { name: 'Find' }).click();
  await p.getByRole('link', { name: 'tea <b>' }).click();
  await shows(p, 'h1', 'Connections');
  await p.getByRole('link', { name: a.id }).click();
  await shows(p, 'main', new RegExp(a.id));
  await shows(p, 'main ul', /tea <b>/);
  p.on('dialog', (d) => d.accept());
  const gone = once(a, 'disconnect');
  await p.getByRole('button', { name: 'Kick' }).click();
  assert.equal((await gone)[0], 'io server disconnect');
  await shows(p, 'h1', 'Connections');
  await p.goto(`${server.control}/admin/#/sockets?sid=${b.id}`);
  const cut = once(b, 'disconnect');
  await p.getByRole('button', { name: 'Reconnect' }).click();
  assert.equal((await cut)[0], 'transport close');
  await once(b, 'connect');
});

test('admin page: emit reaches the room, shows the answer, and prints the same for curl', async () => {
  const c = await client();
  const p = await logIn();
  await go(p, 'Emit');
  await p.getByLabel('Event', { exact: true }).fill('news');
  await p.getByLabel(/Arguments/).fill('[{"it\'s": 1}]');
  await p.getByLabel('To rooms or socket ids').fill(c.id);
  const line = await p.textContent('#curl');
  assert.match(line, /\/api\/v1\/emit/);
  assert.ok(line.includes(`"to":["${c.id}"]`) && line.includes("it'\\''s"));
  const got = once(c, 'news');
  await p.getByRole('button', { name: 'Emit' }).click();
  assert.deepEqual((await got)[0], { "it's": 1 }); // the offset for recovery is behind it
  await shows(p, 'pre[role=status]', /"id"/);
});

test('admin page: live tail tells of a client that comes', async () => {
  const p = await logIn();
  await go(p, 'Live tail');
  await p.getByRole('button', { name: 'Start' }).click();
  await shows(p, 'main p[role=status]', 'listening');
  const c = await client();
  await shows(p, 'tbody', new RegExp(`socket.connected.*${c.id}`));
  await p.getByRole('button', { name: 'Stop' }).click();
});

test('admin page: slow consumers, webhooks, configuration without secrets, drain', async () => {
  const p = await logIn();
  await go(p, 'Slow consumers');
  await shows(p, 'main', /None\./);
  await go(p, 'Webhooks');
  await shows(p, 'main', /None is configured/);
  await go(p, 'Configuration');
  await shows(p, 'main', /server\.path/);
  assert.ok(!(await p.textContent('main')).includes(KEY));
  await p.getByRole('button', { name: 'Read the files again' }).click();
  await shows(p, 'pre', /needs_restart/);
  await go(p, 'Drain');
  await shows(p, 'main', /Connections left/);
});

test('admin page: a key that only reads is offered nothing else', async () => {
  const p = await logIn(READER);
  await shows(p, 'h1', 'Overview');
  await go(p, 'Emit');
  assert.ok(await p.getByRole('button', { name: 'Emit' }).isDisabled());
  await go(p, 'Drain');
  assert.ok(await p.getByRole('button', { name: 'Drain' }).isDisabled());
});

test('admin page: keyboard and screen readers', async () => {
  const c = await client();
  const p = await logIn();
  await shows(p, 'h1', 'Overview');
  assert.equal(await p.evaluate(() => document.activeElement.id), 'main');
  await p.reload();
  await shows(p, 'h1', 'Overview');
  await p.evaluate(() => document.activeElement.blur());
  await p.keyboard.press('Tab');
  assert.equal(await p.evaluate(() => document.activeElement.textContent), 'Skip to content');
  // The page's own policy lets no script in that is not a file of the server.
  const axe = await (await import('node:fs/promises')).readFile(AXE, 'utf8');
  for (const hash of ['', 'rooms', 'sockets', `sockets?sid=${c.id}`, 'slow', 'tail', 'emit', 'webhooks', 'config', 'drain']) {
    await p.goto(`${server.control}/admin/#/${hash}`);
    await p.locator('h1').waitFor();
    const session = await browser.context.newCDPSession(p);
    await session.send('Runtime.evaluate', { expression: axe });
    const { violations } = await p.evaluate(() => window.axe.run());
    assert.deepEqual(violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.html).join(' ')}`), [], hash);
    await session.detach();
  }
});
