// Slow consumers of the operator's server: official clients that stop reading, what is told of them, and what they get.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { io } from 'socket.io-client';
import { startOperator, KEY } from '../suite/operator.mjs';
import { endpoint } from '../suite/endpoint.mjs';
import { once, until, within } from '../suite/wait.mjs';

const WAIT_MS = 60_000;
const MOST = 400; // events of a quarter megabyte: many times what the kernel keeps
const ballast = 'x'.repeat(250_000);
const patient = { ping_interval: '10m', ping_timeout: '10m' };

// The connection under a websocket, or under a poll.
const wire = (client) => client.io.engine.transport.ws._socket;

const result = async (answer) => {
  const { status, body } = await answer;
  assert.equal(status, 200, JSON.stringify(body));
  return body.result;
};

async function withClient(slow, transports, run) {
  const told = await endpoint();
  const server = await startOperator({
    engine: patient,
    slow_consumers: { stall_timeout: '1h', ...slow },
    webhooks: [{ name: 'main', url: told.url, events: ['slow_consumer.*'], batch: { max_events: 1, max_wait: '10ms' } }],
  });
  const client = io(server.url, { transports, forceNew: true, reconnection: false });
  try {
    await once(client, 'connect', WAIT_MS);
    if (transports.length > 1) await until(() => client.io.engine.transport.name === 'websocket', 'the upgrade', WAIT_MS);
    await run(server, client, told);
  } finally {
    client.disconnect();
    await server.stop('SIGKILL').catch(() => {});
    await told.close();
  }
}

for (const policy of ['drop_newest', 'drop_oldest', 'conflate']) {
  for (const [name, transports] of Object.entries({ websocket: ['websocket'], upgrade: ['polling', 'websocket'] })) {
    test(`${policy}: ${name}`, () =>
      withClient({ policy, queue_bytes: '2MiB' }, transports, async (server, client, told) => {
        const got = [];
        client.on('n', (i) => got.push(i));
        wire(client).pause();
        let sent = 0;
        let item;
        while (!(item?.dropped > 0)) {
          assert.ok(sent < MOST, 'nothing was dropped');
          for (let k = 0; k < 10; k++) await result(server.api('POST', 'emit', { event: 'n', args: [sent++, ballast], conflate: 'k' }));
          const slow = await result(server.api('GET', 'slow'));
          assert.equal(slow.policy, policy);
          [item] = slow.items;
        }
        assert.equal(item.sid, client.id);
        assert.ok(item.pending_bytes > 0 && item.pending_bytes < 4_000_000, `${item.pending_bytes} bytes wait`);
        const event = await told.event('slow_consumer.detected', WAIT_MS);
        assert.equal(event.sid, client.id);
        assert.ok(event.pending_bytes > 0);

        // What is to be acknowledged arrives, behind what is left.
        client.on('last', (ack) => ack('here'));
        const asked = result(server.api('POST', 'emit', { event: 'last', ack: { timeout_ms: 50_000 } }));
        wire(client).resume();
        assert.deepEqual((await within(asked, 'the answer', WAIT_MS)).acks[0].args, ['here']);
        assert.ok(got.length < sent);
        assert.deepEqual(got, [...got].sort((a, b) => a - b));
        const last = got.at(-1);
        assert.equal(last, policy === 'drop_newest' ? got.length - 1 : sent - 1);
        const text = await (await fetch(`${server.control}/metrics`)).text();
        assert.match(text, new RegExp(`sioserver_messages_dropped_total\\{reason="${policy}"\\} ${sent - got.length}\\n`));
        assert.match(text, /sioserver_slow_consumers_total\{action="detected"\} 1\n/);
      }));
  }
}

// Posts the body on standard input to the address, in a process of its own.
const posting = `const body = require('node:fs').readFileSync(0);
fetch(process.argv[1], { method: 'POST', headers: { Authorization: 'Bearer ' + process.argv[2], 'Content-Type': 'application/json' }, body })
  .then(async (r) => { if (!r.ok) { console.error(await r.text()); process.exit(1); } });`;

test('drop_oldest: polling', () =>
  withClient({ policy: 'drop_oldest', queue_bytes: '1MiB' }, ['polling'], async (server, client) => {
    const got = [];
    client.on('n', (i) => got.push(i));
    const sent = 150;
    const items = Array.from({ length: sent }, (_, i) => ({ event: 'n', args: [i, 'x'.repeat(50_000)] }));
    // This process stands still meanwhile, its client does not poll.
    execFileSync(process.execPath, ['-e', posting, `${server.control}/api/v1/emit/batch`, KEY], { input: JSON.stringify({ items }), timeout: WAIT_MS });
    client.on('last', (ack) => ack());
    await within(result(server.api('POST', 'emit', { event: 'last', ack: { timeout_ms: 50_000 } })), 'the answer', WAIT_MS);
    assert.ok(got.length <= 25 && got.length > 15, `${got.length} of ${sent}`);
    assert.deepEqual(got, [...got].sort((a, b) => a - b));
    assert.equal(got.at(-1), sent - 1);
  }));

test('disconnect: told before the client is closed', () =>
  withClient({ queue_bytes: '256KiB' }, ['websocket'], async (server, client, told) => {
    const sid = client.id;
    wire(client).pause();
    const gone = async () => (await result(server.api('GET', 'sockets'))).items.length === 0;
    for (let sent = 0; !(await gone()); sent++) {
      assert.ok(sent < MOST, 'the client stays');
      await result(server.api('POST', 'emit', { event: 'n', args: [sent, ballast] }));
    }
    const [detected, closed] = [await told.event('slow_consumer.detected', WAIT_MS), await told.event('slow_consumer.closed', WAIT_MS)];
    assert.ok(detected.sid === sid && closed.sid === sid && detected.seq < closed.seq, JSON.stringify([detected, closed]));
    assert.equal(detected.reason, 'queue');
    const ended = once(client, 'disconnect', WAIT_MS);
    wire(client).resume();
    await ended;
  }));
