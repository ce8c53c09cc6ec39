// The try-it page in Chromium: connecting, chatting between tabs, events, binary, transports.

import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { Browser, shows } from '../suite/browser.mjs';
import { startDevServer } from '../suite/server.mjs';

let server;
let browser;
before(async () => ([server, browser] = await Promise.all([startDevServer(), Browser.start()])));
after(async () => {
  await browser?.stop();
  await server?.stop();
});
afterEach(() => browser.closeTabs());

const UPGRADED = 'polling → websocket';

// A tab that is connected, by the transport it is expected to end on.
async function tab(transport = UPGRADED) {
  const page = await browser.tab(server);
  await shows(page, '#state', 'Connected');
  await shows(page, '#transport', transport);
  return page;
}

// Chromium slows a tab down that is not in front.
async function chat(page, text, to = 'Everybody') {
  await page.bringToFront();
  await page.getByLabel('To', { exact: true }).selectOption({ label: to });
  await page.getByLabel('Message', { exact: true }).fill(text);
  await page.getByRole('button', { name: 'Send', exact: true }).click();
}

async function join(page, room) {
  await page.bringToFront();
  await page.getByLabel('Room', { exact: true }).fill(room);
  await page.getByRole('button', { name: 'Join' }).click();
  await page.getByRole('button', { name: `Leave ${room}` }).waitFor();
}

const messages = (page) => page.locator('#messages p').allTextContents();

test('page: connects, upgrades to websocket and stays within the server', async () => {
  const page = await tab();
  assert.match(await page.textContent('#sid'), /^[\w-]{20}$/);
  await shows(page, '#latency', /^\d+(\.\d)? ms$/);
  await shows(page, '#packets', /received open\{"sid":/);
  await shows(page, '#packets', /upgradepolling → websocket/);
  assert.deepEqual(page.faults, []);
});

test('page: two tabs chat with everybody', async () => {
  const [a, b] = await Promise.all([tab(), tab()]);
  await a.getByLabel('Your name').fill('Ada');
  await b.getByLabel('Your name').fill('Bob');
  await chat(a, 'hello <b>Bob</b> & all');
  await Promise.all([a, b].map((page) => shows(page, '#messages', /Ada to everybody: hello <b>Bob<\/b> & all/)));
  await chat(b, 'hello Ada 👋');
  await Promise.all([a, b].map((page) => shows(page, '#messages', /Bob to everybody: hello Ada 👋/)));
  assert.equal((await messages(a)).length, 2);
  assert.equal(await a.getByLabel('Message', { exact: true }).inputValue(), '');
  assert.deepEqual([...a.faults, ...b.faults], []);
});

test('page: a room is heard by its members only, until they leave', async () => {
  const [a, b, outsider] = await Promise.all([tab(), tab(), tab()]);
  await join(a, 'lobby');
  await join(b, 'lobby');
  await chat(a, 'members only', 'lobby');
  await Promise.all([a, b].map((page) => shows(page, '#messages', /to lobby: members only/)));

  await b.bringToFront();
  await b.getByRole('button', { name: 'Leave lobby' }).click();
  await b.locator('#rooms li').waitFor({ state: 'detached' });
  await shows(b, '#packets', /2\["leave","lobby"\]/);
  // A round trip of the tab that left: the server has handled it.
  await b.getByRole('button', { name: 'Emit and wait' }).click();
  await shows(b, '#answer', /hello/);
  await chat(a, 'one left', 'lobby');
  await shows(a, '#messages', /to lobby: one left/);
  await chat(a, 'marker');
  await Promise.all([b, outsider].map((page) => shows(page, '#messages', /marker/)));
  assert.equal((await messages(b)).some((text) => text.includes('one left')), false);
  assert.equal((await messages(outsider)).length, 1);
});

test('page: an event and its answer', async () => {
  const page = await tab();
  await page.getByLabel('Arguments').fill('[1, "two", {"three": [null]}]');
  await page.getByRole('button', { name: 'Emit and wait' }).click();
  await shows(page, '#answer', /^\d+(\.\d)? ms\n\[/);
  const [, json] = /^[^\n]*\n(.*)$/s.exec(await page.textContent('#answer'));
  assert.deepEqual(JSON.parse(json), [1, 'two', { three: [null] }]);
  await shows(page, '#packets', /2\d+\["echo",1,"two",\{"three":\[null\]\}\]/);
});

test('page: arguments that are no list are not sent', async () => {
  const page = await tab();
  const field = page.getByLabel('Arguments');
  for (const bad of ['{"not": "a list"}', '[1,', 'hello']) {
    await field.fill(bad);
    await page.getByRole('button', { name: 'Emit and wait' }).click();
    await shows(page, '#event-error', /^Not a JSON list: /);
    assert.equal(await field.getAttribute('aria-invalid'), 'true');
  }
  await field.fill('["good"]');
  await page.getByRole('button', { name: 'Emit and wait' }).click();
  await shows(page, '#answer', /good/);
  assert.equal(await page.textContent('#event-error'), '');
  assert.equal(await field.getAttribute('aria-invalid'), null);
});

test('page: a reserved event name is explained', async () => {
  const page = await tab();
  await page.getByLabel('Event name').fill('disconnect');
  await page.getByRole('button', { name: 'Emit and wait' }).click();
  await shows(page, '#answer', /reserved event name/);
  await shows(page, '#state', 'Connected');
});

for (const [mode, transport] of [['Automatic', UPGRADED], ['Polling', 'polling'], ['WebSocket', 'websocket']]) {
  test(`page: binary comes back identical, ${mode}`, async () => {
    const page = await tab();
    if (mode !== 'Automatic') await page.getByLabel(mode, { exact: true }).check();
    await shows(page, '#transport', transport);
    await shows(page, '#state', 'Connected');
    for (const size of [0, 1, 1000, 100_000]) {
      await page.getByLabel('Random bytes').fill(String(size));
      await page.getByRole('button', { name: 'Send bytes' }).click();
      await shows(page, '#echoed', new RegExp(`^random: ${size.toLocaleString('en')} bytes? came back identical in`));
    }
    const buffer = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
    await page.getByLabel('Or a file').setInputFiles({ name: 'every byte.bin', mimeType: 'application/octet-stream', buffer });
    await page.getByRole('button', { name: 'Send file' }).click();
    await shows(page, '#echoed', /^every byte\.bin: 256 bytes came back identical in .*\n00 01 02 03/);
    await shows(page, '#packets', /binary256 bytes: 00 01 02 03/);
  });
}

test('page: a file over the limit of the server is not sent', async () => {
  const page = await tab();
  const buffer = Buffer.alloc(1_000_001);
  await page.getByLabel('Or a file').setInputFiles({ name: 'big.bin', mimeType: 'application/octet-stream', buffer });
  await page.getByRole('button', { name: 'Send file' }).click();
  await shows(page, '#echoed', /^big\.bin: too large for this server, which takes 1,000,000 bytes a message\.$/);
  await shows(page, '#state', 'Connected');
});

test('page: a choice of transport reconnects with it', async () => {
  const page = await tab();
  for (const [mode, transport] of [['Polling', 'polling'], ['WebSocket', 'websocket'], ['Automatic', UPGRADED]]) {
    const before = await page.textContent('#sid');
    await page.getByLabel(mode, { exact: true }).check();
    await shows(page, '#transport', transport);
    await shows(page, '#sid', /^[\w-]{20}$/);
    assert.notEqual(await page.textContent('#sid'), before);
    await shows(page, '#latency', /ms$/);
  }
  assert.deepEqual(page.faults, []);
});

test('page: disconnect and connect again', async () => {
  const page = await tab();
  await join(page, 'lobby');
  const before = await page.textContent('#sid');
  await page.getByRole('button', { name: 'Disconnect' }).click();
  await shows(page, '#state', 'Disconnected');
  await shows(page, '#transport', 'none');
  assert.equal(await page.getByRole('button', { name: 'Send', exact: true }).isDisabled(), true);

  await page.getByRole('button', { name: 'Connect', exact: true }).click();
  await shows(page, '#transport', UPGRADED);
  assert.notEqual(await page.textContent('#sid'), before);
  // The page has joined its room again.
  await chat(page, 'back again', 'lobby');
  await shows(page, '#messages', /to lobby: back again/);
  assert.deepEqual(page.faults, []);
});

test('page: the log hides latency probes until they are asked for', async () => {
  const page = await tab();
  const probes = page.locator('#packets .probe');
  await probes.first().waitFor({ state: 'attached' });
  assert.equal(await probes.first().isVisible(), false);
  await page.getByLabel('Show latency probes').check();
  assert.equal(await probes.first().isVisible(), true);
  await page.getByRole('button', { name: 'Clear' }).click();
  assert.equal(await page.locator('#packets li', { hasText: 'open' }).count(), 0);
});

test('page: a restart of the server is seen and survived', async () => {
  const own = await startDevServer();
  try {
    const page = await browser.tab(own);
    await shows(page, '#transport', UPGRADED);
    await join(page, 'lobby');
    await own.stop();
    await shows(page, '#state', /^(Reconnecting|Cannot connect)$/);
    await own.start();
    await shows(page, '#transport', UPGRADED);
    await shows(page, '#state', 'Connected');
    await chat(page, 'after the restart', 'lobby');
    await shows(page, '#messages', /to lobby: after the restart/);
  } finally {
    await own.stop();
  }
});
