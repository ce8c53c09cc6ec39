// Compressed answers to polls in Chromium: text, bytes, long ones, and the form of version 2.

import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import { after, afterEach, before, test } from 'node:test';
import { Browser, dial, dialled } from '../suite/browser.mjs';
import { startServer } from '../suite/server.mjs';
import { within } from '../suite/wait.mjs';

const CLIENT_2 = fileURLToPath(new URL('../node_modules/socket.io-client-2/dist/socket.io.js', import.meta.url));

let server;
let browser;
before(async () => ([server, browser] = await Promise.all([startServer({ eio3: true }), Browser.start()])));
after(async () => {
  await browser?.stop();
  await server?.stop();
});
afterEach(() => browser.closeTabs());

// Runs in the page: what comes back of a text and of bytes that are long.
function converse() {
  return new Promise((resolve) => {
    const got = [];
    socket.on('message-back', (text, bytes) => {
      got.push([text.length, text.slice(0, 3), bytes.byteLength, new Uint8Array(bytes)[7]]);
      if (got.length === 3) resolve(got);
    });
    for (const n of [2000, 20_000, 100_000]) socket.emit('message', 'é'.repeat(n), new Uint8Array(n).fill(9).buffer);
  });
}

const CONVERSATION = [2000, 20_000, 100_000].map((n) => [n, 'ééé', n, 9]);

for (const [kind, script, options] of [
  ['a browser gets gzip', undefined, {}],
  ['a browser with version 2 gets gzip of bytes', CLIENT_2, {}],
  ['a browser with version 2 gets gzip of base64', CLIENT_2, { forceBase64: true }],
  ['a browser with version 2 gets gzip of scripts', CLIENT_2, { forceJSONP: true }],
]) {
  test(kind, async () => {
    const page = await browser.visit(server, script ?? `${server.url}/socket.io/socket.io.js`);
    let coded = 0;
    page.on('response', (res) => {
      if (res.url().includes('sid=') && res.headers()['content-encoding'] === 'gzip') coded++;
    });
    assert.deepEqual(await dial(page, server.url, { transports: ['polling'], ...options }), dialled('polling'));
    assert.deepEqual(await within(page.evaluate(converse), 'conversation'), CONVERSATION);
    assert.ok(coded > 0, 'no answer was compressed');
  });
}
