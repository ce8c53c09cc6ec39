// Endpoints in PHP and Python are down for five minutes, by the clock and with the retries as they are by default: they miss
// nothing, and know in which order it happened.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { backendAt, failing, remembered, SECRET } from '../suite/backend.mjs';
import { as, enter, scenario } from '../suite/scenario.mjs';
import { until } from '../suite/wait.mjs';

const DOWN_MS = 300_000;
const LINES_MS = 100; // between two events
const VISIT = 50; // events of one client, before another comes
const NAMES = ['ada', 'bob', 'eve'];
const LONG_MS = 240_000; // more than retry.max

const KINDS = ['php', 'python'];

scenario('scenario 7: webhook endpoints are down for five minutes', async ({ operator, backend, dir, later, figure }) => {
  const who = await backendAt('python'); // the connect hook
  await backend(who);
  const ends = [];
  for (const kind of KINDS) ends.push({ kind, at: await backendAt(kind), file: join(dir, kind), up: () => backend(ends.find((e) => e.kind === kind).at, { SIO_EVENTS: join(dir, kind) }) });
  const webhook = ({ kind, at }) => ({ name: kind, url: at.url, secret: [SECRET], events: ['socket.*', 'user.*', 'node.*'], leave_grace: '0s' });
  const server = await operator({
    hooks: { defaults: { secret: [SECRET] }, connect: { url: who.url } },
    webhooks: ends.map(webhook),
    namespaces: [{ name: '/', events: KINDS.map((kind) => ({ match: [`${kind}.line`], action: 'webhook', webhook: kind })) }],
  });

  // A visitor logs lines, then leaves, and another comes.
  let lines = 0;
  let visits = 0;
  const visitor = async () => {
    const socket = await enter(server, 'websocket', as('python', NAMES[visits++ % NAMES.length]));
    return socket;
  };
  let socket = await visitor();
  const log = async () => {
    for (const kind of KINDS) assert.deepEqual(await socket.emitWithAck(`${kind}.line`, lines), { ok: true });
    if (++lines % VISIT !== 0) return;
    socket.disconnect();
    socket = await visitor();
  };

  for (const end of ends) end.running = await end.up();
  for (let i = 0; i < VISIT; i++) await log();
  const has = (n) => async () => (await Promise.all(ends.map(({ file }) => remembered(file)))).every((list) => list.filter((e) => e.event).length >= n);
  await until(has(lines), 'the events before', LONG_MS);

  for (const end of ends) await end.running.stop();
  const before = lines;
  const down = performance.now();
  // For half of the time nobody listens, then somebody who answers 503.
  const spend = async (until) => {
    while (performance.now() - down < until) {
      await log();
      await pause(LINES_MS); // the time is what is tested here
    }
  };
  await spend(DOWN_MS / 2);
  const failers = await Promise.all(ends.map(({ at }) => failing(at)));
  for (const f of failers) later(f.end);
  await spend(DOWN_MS);
  const during = lines - before;
  for (const f of failers) await f.tries(1);
  for (const f of failers) await f.end();
  figure(`down for ${((performance.now() - down) / 1000).toFixed(0)} s: ${during} events of clients for each endpoint meanwhile, ${visits} visits in all`);
  for (const end of ends) end.running = await end.up();
  const back = performance.now();
  for (let i = 0; i < VISIT; i++) await log();
  await until(has(lines), 'all events', LONG_MS);
  figure(`all were there ${((performance.now() - back) / 1000).toFixed(0)} s after the endpoints were back`);
  socket.disconnect();
  await server.stop();

  for (const { kind, file } of ends) {
    const events = await remembered(file);
    const once = [...new Map(events.map((e) => [e.id, e])).values()].sort((a, b) => a.seq - b.seq);
    figure(`${kind}: ${once.length} events, ${events.length - once.length} of them twice`);
    assert.deepEqual(once.filter((e) => e.event).map((e) => e.args[0]), [...Array(lines).keys()], `${kind}: the lines in their order`);
    // Who came and went, as it happened: one after the other.
    const seen = once.filter((e) => /^user\./.test(e.type)).map((e) => `${e.type} ${e.user}`);
    const want = Array.from({ length: visits }, (_, i) => NAMES[i % NAMES.length]).flatMap((name) => [`user.online ${name}`, `user.offline ${name}`]);
    assert.deepEqual(seen.slice().sort(), want.slice().sort(), kind);
    for (const name of NAMES) {
      const mine = seen.filter((text) => text.endsWith(name));
      mine.forEach((text, i) => assert.match(text, i % 2 ? /^user\.offline/ : /^user\.online/));
    }
    // The rule of docs/backends.md, on what came in the order in which it came.
    const presence = new Map();
    for (const e of events.filter((x) => /^user\./.test(x.type))) {
      if (e.seq > (presence.get(e.user)?.seq ?? 0)) presence.set(e.user, { seq: e.seq, online: e.type === 'user.online' });
    }
    assert.ok([...presence.values()].every(({ online }) => !online), kind);
  }
}, 900_000);
