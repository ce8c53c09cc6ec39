// Tokens that are taken back and users that are banned, on all nodes of a cluster, as official clients see it.

import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { after, before, test } from 'node:test';
import { io } from 'socket.io-client';
import { startOperator } from '../suite/operator.mjs';
import { startRedis } from '../suite/redis.mjs';
import { once, until } from '../suite/wait.mjs';

const WAIT_MS = 40_000;
const SECRET = 'a secret of thirty-two bytes, or more';
const MODES = { polling: ['polling'], websocket: ['websocket'], upgrade: ['polling', 'websocket'] };

function token(claims) {
  const part = (v) => Buffer.from(JSON.stringify(v)).toString('base64url');
  const now = Math.floor(Date.now() / 1000);
  const signed = `${part({ alg: 'HS256', typ: 'JWT' })}.${part({ iat: now - 60, exp: now + 3600, ...claims })}`;
  return `${signed}.${createHmac('sha256', SECRET).update(signed).digest('base64url')}`;
}

let redis;
let nodes;
const clients = new Set();

before(async () => {
  redis = await startRedis();
  const config = {
    auth: { required: true, jwt: { enabled: true, hmac_secret: [SECRET] } },
    cluster: { backend: 'redis', url: `unix://${redis.path}` },
    namespaces: [{ name: '/', recovery: { enabled: false } }, { name: '/chat', recovery: { enabled: false } }],
  };
  nodes = await Promise.all([startOperator(config), startOperator(config)]);
});

after(async () => {
  clients.forEach((c) => c.disconnect());
  await Promise.all((nodes ?? []).map((n) => n.stop('SIGKILL').catch(() => {})));
  await redis?.kill();
});

function dial(node, transports, text, ns = '/') {
  const client = io(node.url + ns, { transports, auth: { token: text }, forceNew: true, reconnection: false });
  clients.add(client);
  return client;
}

async function enter(...args) {
  const client = dial(...args);
  await once(client, 'connect', WAIT_MS);
  return client;
}

async function refused(code, ...args) {
  const [error] = await once(dial(...args), 'connect_error', WAIT_MS);
  assert.equal(error.data?.code, code, `${error.message} ${JSON.stringify(error.data)}`);
}

// Resolves with the code of the refusal, or that there was none.
const outcome = (client) =>
  new Promise((resolve) => {
    client.once('connect', () => resolve('none'));
    client.once('connect_error', (error) => resolve(error.data?.code));
  }).finally(() => client.disconnect());

const post = async (node, path, body) => {
  const { status, body: answer } = await node.api('POST', path, body);
  assert.equal(status, 200, JSON.stringify(answer));
  return answer.result;
};

for (const [name, transports] of Object.entries(MODES)) {
  test(`revoke: one token, and all of a user: ${name}`, async () => {
    const [user, jti] = [`user-${name}`, `jti-${name}`];
    const [bad, good, other] = [token({ sub: user, jti }), token({ sub: user, jti: `${jti}-2` }), token({ sub: `${user}-2` })];
    // On the node that is told and on the other, in two namespaces.
    const own = await enter(nodes[0], transports, bad);
    const far = await enter(nodes[1], transports, bad, '/chat');
    const [keeps, stranger] = [await enter(nodes[1], transports, good), await enter(nodes[1], transports, other)];
    const ends = [own, far].map((c) => once(c, 'disconnect', WAIT_MS));
    assert.deepEqual(await post(nodes[0], 'revoke', { jti }), { matched: 1 });
    assert.deepEqual((await Promise.all(ends)).map(([reason]) => reason), ['io server disconnect', 'io server disconnect']);
    for (const node of nodes) await refused('token_revoked', node, transports, bad);
    assert.ok(keeps.connected && stranger.connected);

    const end = once(keeps, 'disconnect', WAIT_MS);
    await post(nodes[0], 'revoke', { user });
    await end;
    for (const node of nodes) await refused('token_revoked', node, transports, good);
    assert.ok(stranger.connected);
    // One of a later second is good again.
    await enter(nodes[1], transports, token({ sub: user, iat: Math.floor(Date.now() / 1000) + 2 }));
  });
}

test('ban: on all nodes, or on one', async () => {
  const text = token({ sub: 'banned' });
  const client = await enter(nodes[1], ['websocket'], text);
  const end = once(client, 'disconnect', WAIT_MS);
  await post(nodes[0], 'users/banned/disconnect', { ban_ms: 3_600_000 });
  await end;
  await refused('banned', nodes[0], ['websocket'], text);
  // The other node may hear of the ban a moment behind the disconnect.
  await until(() => outcome(dial(nodes[1], ['websocket'], text)).then((code) => code === 'banned'), 'the ban on the other node', WAIT_MS);
  const lone = token({ sub: 'lone' });
  await post(nodes[0], 'disconnect', { users: ['lone'], ban_ms: 3_600_000, local: true });
  await refused('banned', nodes[0], ['websocket'], lone);
  await enter(nodes[1], ['websocket'], lone);
  const metrics = await (await fetch(`${nodes[0].control}/metrics`)).text();
  assert.match(metrics, /\nsioserver_bans 2\n/);
  assert.match(metrics, /\nsioserver_revocations 6\n/);
  assert.match(metrics, /\nsioserver_revoked_tokens_total 6\n/);
});
