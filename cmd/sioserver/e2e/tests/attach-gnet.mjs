// A program that runs gnet itself: its own protocol on one port and the official clients on another, on the same loops.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { createConnection } from 'node:net';
import { after, before, test } from 'node:test';
import { MODES, answers, connect, marker } from '../suite/client.mjs';
import { startServer } from '../suite/server.mjs';
import { gather, once, until } from '../suite/wait.mjs';

let server;
let port;
before(async () => {
  server = await startServer({ attach: 'gnet' });
  ({ port } = await server.saw({ event: 'host' }));
});
after(() => server?.stop());

// A client of the host's own protocol.
async function speaker() {
  const wire = createConnection({ port, host: '127.0.0.1' });
  wire.setEncoding('utf8');
  const heard = [];
  wire.on('data', (text) => heard.push(text));
  await new Promise((resolve, reject) => wire.once('connect', resolve).once('error', reject));
  return { wire, heard };
}

for (const mode of MODES) {
  test(`gnet, ${mode}: clients of both, and what one tells the other`, async () => {
    const [one, two] = await Promise.all([1, 2].map(() => connect(server, mode)));
    const { wire, heard } = await speaker();
    const bytes = randomBytes(100_000);
    assert.deepEqual(await answers(one, 'echo', bytes, 'é'), [bytes, 'é']);
    await two.emitWithAck('join', 'tea');
    const room = once(two, 'room');
    one.emit('room', 'tea', 1);
    assert.deepEqual(await room, ['tea', 1]);
    const seen = [one, two].map((socket) => gather(socket, 'shout'));
    for (let i = 0; i < 50; i++) {
      wire.write(`hello ${i}`);
      await until(() => heard.join('').endsWith(`HELLO ${i}`), `answer ${i}`);
    }
    await until(() => seen.every((list) => list.length >= 50), '50 events for both');
    assert.deepEqual(seen[0].flat(), Array.from({ length: 50 }, (_, i) => `hello ${i}`));
    wire.destroy();
    await marker(one);
    one.disconnect();
    assert.equal(await two.emitWithAck('transport'), two.io.engine.transport.name);
  });
}
