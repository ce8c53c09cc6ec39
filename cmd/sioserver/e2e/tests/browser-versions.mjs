// Clients of every version in Chromium: version 2 with octets, base64 and JSONP, and the bundles the server hands out.

import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import { after, afterEach, before, test } from 'node:test';
import { Browser, ask, dial, dialled } from '../suite/browser.mjs';
import { connect } from '../suite/client.mjs';
import { Origin } from '../suite/origin.mjs';
import { startServer } from '../suite/server.mjs';
import { gather, until, within } from '../suite/wait.mjs';

const dist = (path) => fileURLToPath(new URL(`../node_modules/${path}`, import.meta.url));
const CLIENT_2 = dist('socket.io-client-2/dist/socket.io.js');
const CLIENT_3 = dist('socket.io-client-3/dist/socket.io.js');

const BOTH = ['polling', 'websocket'];
const KINDS = {
  'version 2, polling with octets': [CLIENT_2, { transports: ['polling'] }, 'polling'],
  'version 2, polling with base64': [CLIENT_2, { transports: ['polling'], forceBase64: true }, 'polling'],
  'version 2, JSONP': [CLIENT_2, { transports: ['polling'], forceJSONP: true }, 'polling'],
  'version 2, websocket': [CLIENT_2, { transports: ['websocket'] }, 'websocket'],
  'version 2, websocket with base64': [CLIENT_2, { transports: ['websocket'], forceBase64: true }, 'websocket'],
  'version 2, upgrade': [CLIENT_2, { transports: BOTH }, 'websocket'],
  'version 2, upgrade from JSONP': [CLIENT_2, { transports: BOTH, forceJSONP: true }, 'websocket'],
  'version 3, polling': [CLIENT_3, { transports: ['polling'] }, 'polling'],
  'version 3, websocket': [CLIENT_3, { transports: ['websocket'] }, 'websocket'],
  'version 3, upgrade': [CLIENT_3, { transports: BOTH }, 'websocket'],
};

let server;
let packed;
let browser;
let origin;
before(async () => {
  [server, packed, browser, origin] = await Promise.all([
    startServer({ eio3: true }),
    startServer({ parser: 'msgpack' }),
    Browser.start(),
    Origin.start(),
  ]);
});
after(async () => {
  await browser?.stop();
  await Promise.all([server?.stop(), packed?.stop(), origin?.stop()]);
});
afterEach(() => browser.closeTabs());

// Runs in the page: events in both directions with everything in them, in order.
function converse() {
  const plain = (value) => {
    if (value instanceof ArrayBuffer) return { bytes: [...new Uint8Array(value)] };
    if (Array.isArray(value)) return value.map(plain);
    if (value === null || typeof value !== 'object') return value;
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plain(inner)]));
  };
  return new Promise((resolve) => {
    const got = [];
    socket.on('message-back', (...args) => got.push(plain(args)));
    socket.on('binary', (...args) => got.push(plain(args)));
    socket.on('question', (bytes, ack) => ack({ back: bytes }, 'é😀'));
    socket.on('answer', (...args) => {
      got.push(plain(args));
      resolve(got);
    });
    const bytes = (...list) => new Uint8Array(list).buffer;
    socket.emit('message', 'é😀\n\\n\u2028\u2029\u001e"&=+%', { n: 1, list: [null, true] });
    socket.emit('message', bytes(0, 255), { deep: [bytes(), bytes(7)] }, 'x'.repeat(3000));
    socket.emit('message');
    socket.emit('give-binary');
    socket.emit('ask', bytes(4));
  });
}

const CONVERSATION = [
  ['é😀\n\\n\u2028\u2029\u001e"&=+%', { n: 1, list: [null, true] }],
  [{ bytes: [0, 255] }, { deep: [{ bytes: [] }, { bytes: [7] }] }, 'x'.repeat(3000)],
  [],
  [
    { bytes: Array.from({ length: 256 }, (_, i) => i) },
    { text: 'mixed', list: [{ bytes: [1, 2, 3] }, { deep: { bytes: [4, 5] } }], empty: { bytes: [] }, n: 1 },
    7,
  ],
  [{ back: { bytes: [4] } }, 'é😀'],
];

for (const [name, [script, options, transport]] of Object.entries(KINDS)) {
  test(`browser, ${name}: events, answers, binary, namespaces, rooms, the end`, async () => {
    const page = await browser.visit(server, script);
    assert.deepEqual(await dial(page, server.url, options), dialled(transport));
    assert.deepEqual(await within(page.evaluate(converse), 'conversation'), CONVERSATION);

    assert.deepEqual(await dial(page, `${server.url}/custom`, { ...options, query: { who: 'a b&c' } }), dialled(transport));
    const { auth, query } = await ask(page, 'handshake');
    assert.equal(query.who, 'a b&c');
    assert.deepEqual(auth, script === CLIENT_2 ? { who: 'a b&c' } : {});
    await ask(page, 'join', name);
    const other = await connect(server, 'websocket', { nsp: '/custom' });
    await other.emitWithAck('join', name);
    const heard = gather(other, 'room');
    await page.evaluate((name) => {
      window.heard = [];
      socket.on('room', (room, ...args) => heard.push(...args));
      socket.emit('room', name, 'from the page', new Uint8Array([9]).buffer);
    }, name);
    await until(() => heard.length === 1, 'the event of the page');
    assert.deepEqual(heard, [[name, 'from the page', Buffer.from([9])]]);
    other.emit('room', name, 'to the page');
    await page.waitForFunction(() => heard.length === 3);
    assert.deepEqual(await page.evaluate(() => [heard[0], heard[2]]), ['from the page', 'to the page']);
    const end = () =>
      new Promise((resolve) => {
        socket.on('disconnect', resolve);
        socket.emit('kick', true);
      });
    assert.equal(await within(page.evaluate(end), 'the end'), 'io server disconnect');
  });
}

test('browser, version 2: JSONP crosses origins that are not allowed, by scripts', async () => {
  const page = await browser.visit(origin.far, CLIENT_2);
  const polling = { transports: ['polling'] };
  assert.deepEqual(await dial(page, server.url, polling), { error: 'xhr poll error' });
  assert.deepEqual(await dial(page, server.url, { ...polling, forceJSONP: true }), dialled('polling'));
  const kinds = await page.evaluate(() => {
    const entries = performance.getEntriesByType('resource').filter(({ name }) => /[?&]j=\d/.test(name));
    return [...new Set(entries.map(({ initiatorType }) => initiatorType))];
  });
  assert.ok(kinds.includes('script'), kinds.join());
});

for (const name of ['socket.io.js', 'socket.io.min.js', 'socket.io.msgpack.min.js']) {
  test(`browser, the server's own ${name}`, async () => {
    const at = name.includes('msgpack') ? packed : server;
    const page = await browser.visit(at, `${at.url}/socket.io/${name}`);
    for (const transports of [['polling'], ['websocket'], BOTH]) {
      assert.deepEqual(await dial(page, at.url, { transports }), dialled(transports.at(-1)));
    }
  });
}
