// Backends in PHP, Python, JavaScript and a shell publish over the API while they are asked.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { backendAt, example, publishByPHP, SECRET } from '../suite/backend.mjs';
import { MODES } from '../suite/client.mjs';
import { KEY } from '../suite/operator.mjs';
import { as, enter, hooked, scenario } from '../suite/scenario.mjs';
import { once, until } from '../suite/wait.mjs';

const LONG_MS = 30_000;
const run = promisify(execFile);

scenario('scenario 2: PHP publishes and is asked, with nothing but HTTP', async ({ operator, backend }) => {
  const at = await backendAt('php');
  await backend(at);
  const server = await operator(hooked(at.url));
  for (const mode of MODES) {
    const ada = await enter(server, mode, as('php', 'ada'));
    const message = once(ada, 'message');
    const answer = await publishByPHP(server, KEY, { to: ['user:ada'], event: 'message', data: { text: 'hello from PHP' } });
    assert.equal(answer.ok, true, JSON.stringify(answer));
    assert.deepEqual((await message)[0], { text: 'hello from PHP' });
    assert.equal((await ada.emitWithAck('order.create', { sku: 'B' })).id, 981);

    // PHP asks a client, and with the program curl publishes too.
    ada.once('confirm', (data, ack) => ack({ accepted: data.order }));
    const asked = await publishByPHP(server, KEY, { to: ['user:ada'], event: 'confirm', data: { order: 981 }, ack: { timeout_ms: 10_000 } });
    assert.deepEqual(asked.result.acks.map(({ user, args }) => [user, args]), [['ada', [{ accepted: 981 }]]]);
    const curled = once(ada, 'message');
    const env = { ...process.env, SIO_API: server.control, SIO_KEY: KEY };
    await run('sh', [example('publish.sh'), '{"to":["user:ada"],"event":"message","data":{"text":"hello from curl"}}'], { env });
    assert.deepEqual((await curled)[0], { text: 'hello from curl' });
    ada.disconnect();
  }
  assert.equal((await publishByPHP(server, 'another key, which is none', { event: 'x' })).error.code, 'unauthorized');
});

for (const kind of ['python', 'node']) {
  scenario(`hooks, ${kind}: a client is asked while another waits for it`, async ({ operator, backend }) => {
    const at = await backendAt(kind);
    const server = await operator(hooked(at.url));
    await backend(at, { SIO_API: server.control, SIO_KEY: KEY });
    const [ada, bob] = await Promise.all(['ada', 'bob'].map((name) => enter(server, 'websocket', as(kind, name))));
    bob.on('confirm', (data, ack) => ack({ accepted: data.order }));
    const acks = await ada.emitWithAck('order.confirm', { user: 'bob' });
    assert.deepEqual(acks.map(({ user, args }) => [user, args]), [['bob', [{ accepted: 981 }]]]);
  });
}

scenario('webhooks: a backend in Python knows who is online', async ({ operator, backend }) => {
  const who = await backendAt('python');
  await backend(who);
  const at = await backendAt('presence');
  await backend(at);
  const server = await operator({ ...hooked(who.url), webhooks: [{ name: 'presence', url: at.url, secret: [SECRET], events: ['user.*', 'node.*'], leave_grace: '0s' }] });
  const look = async () => (await fetch(at.url)).json();
  const online = (names) => until(async () => (await look()).users.join() === names, names || 'nobody', LONG_MS);
  const [ada, bob] = [await enter(server, 'polling', as('python', 'ada')), await enter(server, 'websocket', as('python', 'bob'))];
  const again = await enter(server, 'upgrade', as('python', 'ada'));
  await online('ada,bob');
  again.disconnect();
  bob.disconnect();
  await online('ada');
  ada.disconnect();
  await online('');
  assert.equal((await look()).boots.length, 1);
  await server.stop();
  await until(async () => (await look()).boots.length === 0, 'the server has said that it ends', LONG_MS);
});
