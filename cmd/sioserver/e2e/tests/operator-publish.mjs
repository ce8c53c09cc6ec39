// Backends in PHP and Python publish over the API while they are asked.

import assert from 'node:assert/strict';
import { backendAt, publishByPHP } from '../suite/backend.mjs';
import { MODES } from '../suite/client.mjs';
import { KEY } from '../suite/operator.mjs';
import { as, enter, hooked, scenario } from '../suite/scenario.mjs';
import { once } from '../suite/wait.mjs';

scenario('hooks: PHP publishes and is asked, with nothing but HTTP', async ({ operator, backend }) => {
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
    ada.disconnect();
  }
  assert.equal((await publishByPHP(server, 'another key, which is none', { event: 'x' })).error.code, 'unauthorized');
});

scenario('hooks: Python asks a client while another waits for it', async ({ operator, backend }) => {
  const at = await backendAt('python');
  const server = await operator(hooked(at.url));
  await backend(at, { SIO_API: server.control, SIO_KEY: KEY });
  const [ada, bob] = await Promise.all(['ada', 'bob'].map((name) => enter(server, 'websocket', as('python', name))));
  bob.on('confirm', (data, ack) => ack({ accepted: data.order }));
  const acks = await ada.emitWithAck('order.confirm', { user: 'bob' });
  assert.deepEqual(acks.map(({ user, args }) => [user, args]), [['bob', [{ accepted: 981 }]]]);
});
