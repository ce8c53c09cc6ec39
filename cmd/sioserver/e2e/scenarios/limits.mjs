// Rates that are configured, over ten seconds of a flood: what passes is within 5 % of them.

import assert from 'node:assert/strict';
import { enter, scenario } from '../suite/scenario.mjs';
import { KEY } from '../suite/operator.mjs';
import { until } from '../suite/wait.mjs';

const SPAN_MS = 10_000;
const LEAD_MS = 5_000; // in which the burst of two seconds' worth is used up
const WITHIN = 0.05;

// Calls attempt again and again, which adds the time to `passed` when something of this amount gets through, and returns how
// much got through in a second.
async function measure(amount, passed, attempt, everyMs) {
  const flood = setInterval(attempt, everyMs);
  try {
    await until(() => passed.at(-1) - passed[0] >= LEAD_MS + SPAN_MS, 'the span', 4 * SPAN_MS);
  } finally {
    clearInterval(flood);
  }
  const rest = passed.filter((at) => at - passed[0] >= LEAD_MS);
  return ((rest.length - 1) * amount * 1000) / (rest.at(-1) - rest[0]);
}

const CASES = {
  'limits.events_per_second': async ({ operator }) => {
    const server = await operator({ limits: { events_per_second: '50/s' } });
    return [50, await flood(await enter(server, 'websocket'), 'e', 1)];
  },
  'limits.bytes_per_second': async ({ operator }) => {
    const server = await operator({ limits: { events_per_second: '0/s', bytes_per_second: '100KiB' } });
    const text = 'x'.repeat(2000);
    const size = Buffer.byteLength(JSON.stringify(['e', text]));
    return [100 * 1024, await flood(await enter(server, 'websocket'), 'e', size, text)];
  },
  'namespaces[].events[].rate': async ({ operator }) => {
    const server = await operator({ namespaces: [{ name: '/', events: [{ match: ['e'], action: 'ack', ack: [{ ok: true }], rate: '40/s' }] }] });
    return [40, await flood(await enter(server, 'polling'), 'e', 1)];
  },
  'limits.connect_rate': async ({ operator }) => {
    const server = await operator({ limits: { connect_rate: '30/s' } });
    return [30, await ask(() => fetch(`${server.url}/socket.io/?EIO=4&transport=polling`))];
  },
  'control.keys[].rate': async ({ operator }) => {
    const server = await operator({ control: { keys: [{ name: 'slow', key: KEY, scopes: ['read'], rate: '20/s' }] } });
    return [20, await ask(() => fetch(`${server.control}/api/v1/stats`, { headers: { Authorization: `Bearer ${KEY}` } }))];
  },
};

// What is acknowledged of a flood of events, without what is answered with an error.
const flood = (socket, name, amount, ...args) => {
  const passed = [];
  const note = (answer) => answer?.error || passed.push(performance.now());
  return measure(amount, passed, () => {
    for (let i = 0; i < 2; i++) socket.emit(name, ...args, note);
  }, 8);
};

// What is answered well of a flood of requests.
const ask = (request) => {
  const passed = [];
  return measure(1, passed, async () => {
    const answer = await request().catch(() => undefined);
    await answer?.arrayBuffer();
    if (answer?.ok) passed.push(performance.now());
  }, 12);
};

scenario('rates: what passes in ten seconds is what is allowed', async ({ figure, ...given }) => {
  const results = await Promise.all(Object.entries(CASES).map(async ([name, run]) => [name, ...(await run(given))]));
  for (const [name, allowed, passed] of results) figure(`${name}: ${passed.toFixed(1)} of ${allowed} a second, ${((100 * passed) / allowed - 100).toFixed(1)} %`);
  for (const [name, allowed, passed] of results) assert.ok(Math.abs(passed - allowed) <= allowed * WITHIN, `${name}: ${passed}`);
}, 120_000);
