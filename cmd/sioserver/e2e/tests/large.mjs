// Messages of a megabyte, many at once, and messages over the limit.

import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { after, before, test } from 'node:test';
import { MODES, connect, settled } from '../suite/client.mjs';
import { startServer } from '../suite/server.mjs';
import { once, times } from '../suite/wait.mjs';

const MB = 1024 * 1024;
const KB = 1024;
const SMALL_LIMIT = 20_000;

let wide;
let standard;
let narrow;
before(async () => {
  [wide, standard, narrow] = await Promise.all([
    startServer({ maxPayload: 4 * MB }),
    startServer(),
    startServer({ maxPayload: SMALL_LIMIT }),
  ]);
});
after(() => Promise.all([wide.stop(), standard.stop(), narrow.stop()]));

const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');

for (const mode of MODES) {
  test(`large, ${mode}: 1 MB of text both ways`, async () => {
    const socket = await connect(wide, mode);
    const text = 'é1'.repeat(MB / 3) + 'end';
    const echoed = once(socket, 'echo');
    socket.emit('echo', text, { after: 1 });
    const [back, tail] = await echoed;
    assert.equal(back === text, true, 'the text came back changed');
    assert.deepEqual(tail, { after: 1 });
  });

  test(`large, ${mode}: 1 MB of binary both ways`, async () => {
    const socket = await connect(wide, mode);
    const bytes = randomBytes(MB);
    assert.deepEqual(await socket.emitWithAck('digest', bytes), [{ bytes: MB, sha256: sha256(bytes) }]);
    const echoed = once(socket, 'echo');
    socket.emit('echo', { bytes });
    const [back] = await echoed;
    assert.equal(back.bytes.equals(bytes), true, 'the bytes came back changed');
  });

  test(`large, ${mode}: 1 MB in an answer, both ways`, async () => {
    const socket = await connect(wide, mode);
    const text = 'x'.repeat(MB);
    const answer = await socket.emitWithAck('message-with-ack', text);
    assert.equal(answer === text, true, 'the answer was changed');

    socket.on('question', (ack) => ack(text));
    const asked = once(socket, 'answer');
    socket.emit('ask');
    assert.equal((await asked)[0] === text, true, 'the answer of the client was changed');
  });

  test(`large, ${mode}: 4 MB in pieces of 100 kB, all emitted in one turn`, async () => {
    const socket = await connect(standard, mode);
    const pieces = Array.from({ length: 40 }, () => randomBytes(50 * KB).toString('hex'));
    const back = times(socket, 'message-back', pieces.length);
    for (const piece of pieces) socket.emit('message', piece);
    const got = (await back).map(([piece]) => piece);
    assert.equal(got.every((piece, i) => piece === pieces[i]), true, 'a piece was changed or moved');
  });

  test(`large, ${mode}: a message of exactly the limit goes through, and a longer one back`, async () => {
    const socket = await connect(narrow, mode);
    // Engine.IO and Socket.IO put `42["message","…"]` around the text.
    const text = 'x'.repeat(SMALL_LIMIT - '42["message",""]'.length);
    const back = once(socket, 'message-back');
    socket.emit('message', text);
    assert.equal((await back)[0].length, text.length);
  });

  test(`large, ${mode}: a message over the limit ends the connection on both sides`, async () => {
    const socket = await connect(narrow, mode);
    const { id } = socket;
    const left = once(socket, 'disconnect');
    socket.emit('message', 'x'.repeat(SMALL_LIMIT + 1));
    const reason = settled(mode) === 'websocket' ? 'transport close' : 'transport error';
    assert.equal((await left)[0], reason);
    if (settled(mode) === 'websocket') assert.equal(await narrow.reasonOf(id), 'transport error');
  });
}
