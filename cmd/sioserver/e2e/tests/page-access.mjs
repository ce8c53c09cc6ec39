// The try-it page for everyone: names of controls, keyboard, contrast, narrow screens.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Browser, shows } from '../suite/browser.mjs';
import { startDevServer } from '../suite/server.mjs';

// WCAG 2.2, 1.4.3 and 1.4.11.
const TEXT_CONTRAST = 4.5;
const CONTROL_CONTRAST = 3;

let server;
let browser;
// One tab for all tests, since they only look at it: each part of the page has something to show.
let page;
before(async () => {
  [server, browser] = await Promise.all([startDevServer(), Browser.start()]);
  page = await browser.tab(server);
  await shows(page, '#transport', 'polling → websocket');
  await page.getByRole('button', { name: 'Join' }).click();
  await page.getByRole('button', { name: 'Leave lobby' }).waitFor();
  await page.getByLabel('Message', { exact: true }).fill('a rather long message '.repeat(8) + 'x'.repeat(120));
  await page.getByRole('button', { name: 'Send', exact: true }).click();
  await page.getByRole('button', { name: 'Send bytes' }).click();
  await shows(page, '#echoed', /identical/);
  await page.getByRole('button', { name: 'Emit and wait' }).click();
  await shows(page, '#answer', /hello/);
});
after(async () => {
  await browser?.stop();
  await server?.stop();
});

test('access: every control has a name, every id is used once', async () => {
  const nameless = await page.evaluate(() => {
    const controls = [...document.querySelectorAll('input, select, textarea, button')];
    return controls
      .filter((el) => ![...(el.labels ?? [])].some((label) => label.textContent.trim()))
      .filter((el) => !el.getAttribute('aria-label') && !(el.tagName === 'BUTTON' && el.textContent.trim()))
      .map((el) => el.outerHTML);
  });
  assert.deepEqual(nameless, []);
  const ids = await page.evaluate(() => [...document.querySelectorAll('[id]')].map((el) => el.id));
  assert.equal(new Set(ids).size, ids.length);
});

test('access: landmarks, one title, live regions', async () => {
  assert.equal(await page.locator('html').getAttribute('lang'), 'en');
  assert.equal(await page.getByRole('heading', { level: 1 }).count(), 1);
  assert.equal(await page.getByRole('main').count(), 1);
  assert.equal(await page.getByRole('region').count(), 5);
  assert.equal(await page.getByRole('status').filter({ hasText: 'Connected' }).count(), 1);
  assert.equal(await page.getByRole('log', { name: 'Messages' }).getAttribute('aria-live'), 'polite');
  assert.equal(await page.getByRole('log', { name: /^Packets/ }).count(), 1);
});

test('access: the keyboard reaches everything, in the order of the page, and focus is visible', async () => {
  await page.evaluate(() => document.activeElement.blur());
  const expected = await page.evaluate(() =>
    [...document.querySelectorAll('a, input, select, textarea, button, [tabindex="0"]')]
      .filter((el) => !el.disabled && (el.type !== 'radio' || el.checked))
      .map((el) => el.id || el.value || el.textContent),
  );
  await page.locator('.skip').focus();
  const reached = [];
  for (let i = 0; i < expected.length; i++) {
    const now = await page.evaluate(() => {
      const el = document.activeElement;
      return { id: el.id || el.value || el.textContent, outline: getComputedStyle(el).outlineStyle };
    });
    reached.push(now.id);
    if (i > 0) assert.notEqual(now.outline, 'none', `no focus style on ${now.id}`);
    await page.keyboard.press('Tab');
  }
  assert.deepEqual(reached, expected);
});

// Contrast of each text with what lies behind it, and of each control's edge with its surroundings.
function contrasts() {
  const channels = (color) => {
    const [r, g, b, a = 1] = color.match(/[\d.]+/g).map(Number);
    return { rgb: [r, g, b], a };
  };
  const luminance = (rgb) => {
    const [r, g, b] = rgb.map((v) => v / 255).map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ratio = (a, b) => {
    const [high, low] = [luminance(a), luminance(b)].sort((x, y) => y - x);
    return (high + 0.05) / (low + 0.05);
  };
  const behind = (el) => {
    for (let at = el; at; at = at.parentElement) {
      const { rgb, a } = channels(getComputedStyle(at).backgroundColor);
      if (a === 1) return rgb;
    }
    return [255, 255, 255];
  };
  const visible = (el) => el.checkVisibility({ visibilityProperty: true, opacityProperty: true });
  const texts = [...document.body.querySelectorAll('*')]
    .filter((el) => visible(el) && [...el.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim()))
    .filter((el) => !el.disabled && !['SCRIPT', 'NOSCRIPT', 'OPTION'].includes(el.tagName))
    .map((el) => ({ what: `${el.tagName} ${el.textContent.slice(0, 30)}`, ratio: ratio(channels(getComputedStyle(el).color).rgb, behind(el)) }));
  const edges = [...document.querySelectorAll('input:not([type=radio], [type=checkbox]), select, textarea, button')]
    .filter((el) => visible(el) && !el.disabled)
    .map((el) => ({
      what: `edge of ${el.id || el.textContent}`,
      ratio: ratio(channels(getComputedStyle(el).borderTopColor).rgb, behind(el.parentElement)),
    }));
  return { texts, edges };
}

for (const colorScheme of ['light', 'dark']) {
  test(`access: contrast, ${colorScheme} scheme`, async () => {
      await page.emulateMedia({ colorScheme });
    await page.getByLabel('Show latency probes').check();
    const { texts, edges } = await page.evaluate(contrasts);
    assert.ok(texts.length > 30 && edges.length > 10, `${texts.length} texts, ${edges.length} edges`);
    assert.deepEqual(texts.filter((text) => text.ratio < TEXT_CONTRAST), []);
    assert.deepEqual(edges.filter((edge) => edge.ratio < CONTROL_CONTRAST), []);
  });
}

for (const [width, height] of [[360, 740], [768, 1024], [1280, 900]]) {
  test(`access: fits a screen of ${width} pixels without sideways scrolling`, async () => {
      await page.setViewportSize({ width, height });
    const over = await page.evaluate(() => {
      const edge = document.documentElement.clientWidth;
      return [...document.body.querySelectorAll('*')]
        .filter((el) => !el.closest('.skip, .sr') && el.getBoundingClientRect().right > edge + 0.5)
        .map((el) => el.outerHTML.slice(0, 80));
    });
    assert.deepEqual(over, []);
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), true);
  });
}

test('access: chat and connection by keyboard alone', async () => {
  await page.locator('#text').focus();
  await page.keyboard.type('typed');
  await page.keyboard.press('Enter');
  await shows(page, '#messages', /typed/);
  assert.equal(await page.evaluate(() => document.activeElement.id), 'text');

  await page.locator('#toggle').focus();
  await page.keyboard.press('Enter');
  await shows(page, '#state', 'Disconnected');
  await page.keyboard.press('Enter');
  await shows(page, '#state', 'Connected');
});
