// A headless Chromium of the system, with a fresh profile, and pages that report what goes wrong in them.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import { DEADLINE_MS, within } from './wait.mjs';

const ARGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

export class Browser {
  static async start() {
    const browser = new Browser();
    browser.profile = await mkdtemp(join(tmpdir(), 'sio-e2e-chromium-'));
    browser.context = await chromium.launchPersistentContext(browser.profile, {
      executablePath: process.env.CHROMIUM_PATH || '/usr/bin/chromium',
      headless: true,
      args: ARGS,
      viewport: { width: 1280, height: 900 },
    });
    // A browser has many processes: on a busy machine it needs longer than a client.
    browser.context.setDefaultTimeout(2 * DEADLINE_MS);
    return browser;
  }

  // A tab on the page of the server. `faults` collects errors of the page and requests to anywhere else.
  async tab(server) {
    const page = await this.context.newPage();
    page.faults = [];
    page.on('pageerror', (error) => page.faults.push(`exception: ${error.message}`));
    page.on('console', (message) => {
      if (message.type() === 'error') page.faults.push(`console: ${message.text()}`);
    });
    page.on('request', (request) => {
      if (!request.url().startsWith(server.url) && !request.url().startsWith('data:')) {
        page.faults.push(`request: ${request.url()}`);
      }
    });
    await page.goto(server.url + '/');
    return page;
  }

  // A tab on a page, with a client in it: the path or the address of its script. A server under test is its own page.
  async visit(at, script) {
    // It has no pages; to a browser this text is one.
    const url = at.url ? `${at.url}/socket.io/socket.io.js` : `${at}/`;
    const page = await this.context.newPage();
    await page.goto(url);
    await page.addScriptTag(/^https?:/.test(script) ? { url: script } : { path: script });
    return page;
  }

  async closeTabs() {
    // The first, empty tab stays: without any the browser would end.
    await Promise.all(this.context.pages().slice(1).map((page) => page.close()));
  }

  async stop() {
    await this.context.close();
    await rm(this.profile, { recursive: true, force: true });
  }
}

// Resolves when the text of the element is, or matches, what is expected.
export function shows(page, selector, expected) {
  const pattern = expected instanceof RegExp ? expected : undefined;
  const wanted = { selector, text: pattern ? undefined : expected, source: pattern?.source };
  return page
    .waitForFunction(({ selector, text, source }) => {
      const now = document.querySelector(selector)?.textContent ?? '';
      return source ? new RegExp(source).test(now) : now === text;
    }, wanted, { polling: 50 })
    .catch(async (error) => {
      throw new Error(`${selector} shows ${JSON.stringify(await page.textContent(selector))}, not ${expected}`, {
        cause: error,
      });
    });
}

// Connects a client in the page, as window.socket, and resolves with how it went: {transport, back}, back being what the
// server answered to text and bytes, or {error}.
export function dial(page, url, options) {
  const outcome = page.evaluate(
    ({ url, options }) =>
      new Promise((resolve) => {
        const socket = io(url, { forceNew: true, reconnection: false, ...options });
        window.socket?.disconnect();
        window.socket = socket;
        const answered = (text, bytes) => {
          const { name } = socket.io.engine.transport;
          resolve({ transport: name, back: [text, ...new Uint8Array(bytes)] });
        };
        const ask = () => socket.emit('message-with-ack', 'é', new Uint8Array([1, 2, 255]).buffer, answered);
        socket.on('connect', () => {
          const { engine } = socket.io;
          if (engine.transport.name === options.transports.at(-1)) ask();
          else engine.once('upgrade', ask);
        });
        for (const event of ['connect_error', 'error']) {
          socket.on(event, (error) => resolve({ error: error.message ?? error.type ?? String(error) }));
        }
      }),
    { url, options },
  );
  return within(outcome, 'connection of the page');
}

// What `dial` gives when all went well.
export const dialled = (transport) => ({ transport, back: ['é', 1, 2, 255] });

// Emits an event with the client of the page and resolves with the first answer.
export function ask(page, ...event) {
  const answer = page.evaluate((event) => new Promise((resolve) => socket.emit(...event, resolve)), event);
  return within(answer, `answer to "${event[0]}"`);
}
