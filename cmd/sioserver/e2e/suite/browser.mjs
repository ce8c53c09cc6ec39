// A headless Chromium of the system, with a fresh profile, and pages that report what goes wrong in them.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import { DEADLINE_MS } from './wait.mjs';

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
