// Compressed websocket messages in Chromium, which offers it by itself: text, bytes, broadcasts to several tabs.

import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { Browser, dial, dialled } from '../suite/browser.mjs';
import { startServer } from '../suite/server.mjs';
import { within } from '../suite/wait.mjs';

const SERVERS = { 'no takeover': {}, 'takeover': { contextTakeover: true } };

let browser;
before(async () => {
  browser = await Browser.start();
});
after(() => browser?.stop());
afterEach(() => browser.closeTabs());

// Runs in the page: messages that resemble each other go to the server and come back.
async function converse() {
  const got = [];
  for (let n = 0; n < 8; n++) {
    const text = `${n} ${'é and again '.repeat(200 * (n + 1))}`;
    const bytes = new Uint8Array(3000 * (n + 1)).fill(n);
    const back = new Promise((resolve) => socket.once('message-back', (...args) => resolve(args)));
    socket.emit('message', text, bytes.buffer);
    const [sameText, sameBytes] = await back;
    got.push(sameText === text && sameBytes.byteLength === bytes.length && new Uint8Array(sameBytes).every((b) => b === n));
  }
  return { extensions: socket.io.engine.transport.ws.extensions, got };
}

// Runs in the page: the broadcasts to come.
function listen() {
  window.heard = [];
  socket.on('bcast', (n, text) => heard.push([n, text.length]));
}

for (const [name, flags] of Object.entries(SERVERS)) {
  test(`a browser, ${name}: both directions, and broadcasts`, async () => {
    const server = await startServer({ perMessageDeflate: 1024, ...flags });
    try {
      const script = `${server.url}/socket.io/socket.io.js`;
      const pages = [];
      for (let i = 0; i < 3; i++) {
        const page = await browser.visit(server, script);
        assert.deepEqual(await dial(page, server.url, { transports: ['websocket'] }), dialled('websocket'));
        await page.evaluate(listen);
        pages.push(page);
      }
      for (const page of pages.slice(0, 2)) {
        const { extensions, got } = await within(page.evaluate(converse), 'conversation');
        assert.match(extensions, /^permessage-deflate/);
        assert.equal(extensions.includes('no_context_takeover'), name === 'no takeover');
        assert.deepEqual(got, Array(8).fill(true));
      }
      await pages[0].evaluate(() => {
        for (let n = 0; n < 5; n++) socket.emit('bcast', n, `${n} ${'everybody '.repeat(300)}`);
      });
      for (const page of pages) {
        await within(page.waitForFunction(() => heard.length === 5), 'broadcasts');
        assert.deepEqual(await page.evaluate(() => heard), [0, 1, 2, 3, 4].map((n) => [n, 3002]));
      }
    } finally {
      await server.stop();
    }
  });
}
