// A protocol of the application's on the event loops beside Socket.IO: what it publishes reaches the official clients.

import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { MODES, connect, marker } from '../suite/client.mjs';
import { Publisher } from '../suite/publish.mjs';
import { startServer } from '../suite/server.mjs';
import { gather, once, until, within } from '../suite/wait.mjs';

let server;
let port;
const open = [];
const publisher = () => {
  open.push(new Publisher(port));
  return open.at(-1);
};

before(async () => {
  // A server on the loops of somebody else has no listeners of its own.
  server = await startServer({ publish: true, ...(process.env.SIO_ATTACH === 'gnet' && { attach: 'none' }) });
  ({ port } = await server.saw({ event: 'publish' }));
});
after(() => server.stop());
afterEach(async () => {
  for (const wire of open.splice(0)) await wire.end();
});

for (const mode of MODES) {
  test(`publish, ${mode}: to a namespace and to rooms, in order`, async () => {
    const [inside, outside] = await Promise.all([1, 2].map(() => connect(server, mode)));
    const chat = await connect(server, mode, { nsp: '/chat' });
    await inside.emitWithAck('join', 'tea');
    const seen = [inside, outside, chat].map((socket) => gather(socket, 'news'));
    const wire = publisher();
    wire.publish({ event: 'news', args: ['all', { deep: ['é😀', null, 1.5] }] });
    wire.publish({ event: 'news', rooms: ['tea'], args: ['tea'] });
    wire.publish({ event: 'news', nsp: '/chat', args: ['chat'] });
    for (let i = 0; i < 3; i++) assert.equal(await wire.line(), 'ok');
    for (const socket of [inside, outside, chat]) await marker(socket);
    const all = ['all', { deep: ['é😀', null, 1.5] }];
    assert.deepEqual(seen, [[all, ['tea']], [all], [['chat']]]);
    for (let i = 0; i < 500; i++) wire.publish({ event: 'news', rooms: ['tea'], args: [i] });
    await until(() => seen[0].length >= 502, '500 events');
    assert.deepEqual(seen[0].slice(2).flat(), Array.from({ length: 500 }, (_, i) => i));
  });

  test(`publish, ${mode}: and back, to all connections on all loops`, async () => {
    const socket = await connect(server, mode);
    const wires = Array.from({ length: 5 }, publisher);
    for (const wire of wires) {
      wire.publish({ event: 'x' });
      assert.equal(await wire.line(), 'ok');
    }
    socket.emit('tell', 'something');
    for (const wire of wires) assert.equal(await wire.line(), 'told something');
  });
}

test('publish: half a line waits for its rest, and too much of it does not', async () => {
  const socket = await connect(server, 'websocket');
  const wire = publisher();
  const line = JSON.stringify({ nsp: '/', rooms: [], event: 'news', args: ['x'.repeat(60_000)] });
  const heard = once(socket, 'news');
  wire.write(line.slice(0, 40_000));
  await marker(socket);
  wire.write(line.slice(40_000) + '\n');
  assert.equal((await heard)[0].length, 60_000);
  assert.equal(await wire.line(), 'ok');
  wire.write('{"nsp":"' + 'x'.repeat(66_000));
  await within(wire.ended, 'the end of a line that is too long');
  assert.deepEqual(wire.lines, []);
  await marker(socket);
});

test('publish: what is no event ends its connection, and no other', async () => {
  const socket = await connect(server, 'upgrade');
  const bystander = publisher();
  for (const text of ['nonsense\n', '{"event":"x"}\n', '[]\n']) {
    const wire = publisher();
    wire.write(text);
    assert.match(await wire.line(), /^error ./);
    await within(wire.ended, 'the end of the connection');
  }
  const heard = once(socket, 'still');
  bystander.publish({ event: 'still', args: ['here'] });
  assert.deepEqual(await heard, ['here']);
});
