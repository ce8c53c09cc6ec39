// SIGTERM with 15,000 clients: they go at the pace that is configured, and nothing is lost.

import assert from 'node:assert/strict';
import { highest } from '../suite/crowd.mjs';
import { leave } from '../suite/leaving.mjs';
import { scenario } from '../suite/scenario.mjs';

const CLIENTS = 15_000;
const OFFICIAL = 50;
const MAX_RATE = 500; // half a minute
// In which rates are looked at: clients come back after half a second to one and a half, by chance.
const SPAN_MS = 2000;

scenario('scenario 4: SIGTERM with 15,000 clients that talk', async ({ figure, ...given }) => {
  const seen = await leave({ figure, ...given }, { clients: CLIENTS, official: OFFICIAL, maxRate: MAX_RATE, every: '10s' });
  for (const [what, slots] of [['closed', seen.lost], ['tried to come back', seen.attempts], ['came back', seen.back]]) {
    const rates = [1000, SPAN_MS, 5000].map((span) => `${highest(slots, seen.slot_ms, span).toFixed(0)} in ${span / 1000} s`);
    figure(`${what}, highest rate per second: ${rates.join(', ')}; ${MAX_RATE} are allowed`);
  }
  // How soon one who tries is answered is the machine's doing.
  for (const slots of [seen.lost, seen.attempts]) {
    const most = highest(slots, seen.slot_ms, SPAN_MS);
    assert.ok(most <= MAX_RATE * 1.1, `${most} clients in a second`);
  }
}, 280_000);
