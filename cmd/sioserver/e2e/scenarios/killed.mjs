// kill -9 of a server: a backend in Python that knows who is online from webhooks alone is right again within 35 seconds.

import assert from 'node:assert/strict';
import { backendAt, SECRET } from '../suite/backend.mjs';
import { as, enter, scenario } from '../suite/scenario.mjs';
import { once, until } from '../suite/wait.mjs';

const HEALED_MS = 35_000;
const LONG_MS = 30_000;

scenario('scenario 3: presence in a backend heals after kill -9', async ({ operator, backend, figure }) => {
  const who = await backendAt('python'); // the connect hook
  await backend(who);
  const at = await backendAt('presence');
  await backend(at);
  const config = {
    auth: { required: true },
    hooks: { defaults: { secret: [SECRET] }, connect: { url: who.url } },
    webhooks: [{ name: 'presence', url: at.url, secret: [SECRET], events: ['user.*', 'node.*'], leave_grace: '0s' }],
  };
  const [killed, other] = [await operator(config), await operator(config)];
  const online = async () => (await (await fetch(at.url)).json()).users.join();
  const [ada, bob, eve] = [await enter(killed, 'websocket', as('python', 'ada')), await enter(killed, 'polling', as('python', 'bob')), await enter(other, 'upgrade', as('python', 'eve'))];
  await until(async () => (await online()) === 'ada,bob,eve', 'all three', LONG_MS);

  const gone = [once(ada, 'disconnect', LONG_MS), once(bob, 'disconnect', LONG_MS)];
  killed.child.kill('SIGKILL');
  const begun = performance.now();
  await Promise.all(gone);
  // One comes back on the other server, one never does.
  await enter(other, 'websocket', as('python', 'bob'));
  assert.match(await online(), /eve/);
  await until(async () => (await online()) === 'bob,eve', 'who is left', HEALED_MS - (performance.now() - begun));
  figure(`right again ${((performance.now() - begun) / 1000).toFixed(1)} s after kill -9`);

  eve.disconnect();
  await until(async () => (await online()) === 'bob', 'one of the server that lives leaves', LONG_MS);
}, 120_000);
