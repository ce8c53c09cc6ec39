// What Prometheus asks for, at 15,000 connections: in less than 20 ms, and less than 500 KB.

import assert from 'node:assert/strict';
import { metric, startCrowd } from '../suite/crowd.mjs';
import { enter, scenario } from '../suite/scenario.mjs';

const CLIENTS = 15_000;
const SCRAPES = 50;
const MOST_MS = 20;
const MOST_BYTES = 500_000;

scenario('scenario 8: /metrics at 15,000 connections', async ({ operator, later, figure }) => {
  const server = await operator({ namespaces: [{ name: '/', rooms: [{ match: 'crowd', join: 'anyone' }] }] });
  const crowd = await startCrowd(server, { n: CLIENTS, 'connect-rate': 1500, room: 'crowd' });
  later(crowd.stop);
  await enter(server, 'upgrade');
  const took = [];
  let size = 0;
  for (let i = 0; i < SCRAPES; i++) {
    const begun = performance.now();
    const answer = await fetch(`${server.control}/metrics`, { headers: { 'Accept-Encoding': 'identity' } });
    size = (await answer.arrayBuffer()).byteLength;
    took.push(performance.now() - begun);
    assert.equal(answer.status, 200);
  }
  took.sort((a, b) => a - b);
  const [least, median, most] = [took[0], took[SCRAPES / 2], took.at(-1)];
  figure(`${SCRAPES} scrapes: ${least.toFixed(1)} ms at least, median ${median.toFixed(1)}, at most ${most.toFixed(1)}; ${size} bytes`);
  assert.equal(await metric(server, 'sioserver_connections'), CLIENTS + 1);
  assert.ok(size < MOST_BYTES);
  assert.ok(median < MOST_MS);
}, 200_000);
