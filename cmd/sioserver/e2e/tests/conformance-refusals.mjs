// Socket.IO protocol 5 by hand: packets that end the session, each on its own.

import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { VIOLATION_REASONS, profile } from '../suite/profile.mjs';
import { Polling, RawWebSocket, endWebSockets } from '../suite/raw.mjs';
import { startServer } from '../suite/server.mjs';

let server;
before(async () => (server = await startServer()));
after(() => server.stop());
afterEach(endWebSockets);

const ONE = '{"_placeholder":true,"num":0}';
const bytes = (...list) => Buffer.from(list);

const BEFORE_CONNECT = [
  ['an event', '42["message",1]'],
  ['an answer', '430[]'],
  ['a disconnect', '41'],
  ['a refusal', '44{"message":"x"}'],
  ['a list as payload', '40[]'],
  ['a string as payload', '40"x"'],
  ['null as payload', '40null'],
  ['broken JSON', '40{'],
  ['a name without a slash', '40custom,'],
  ['no packet at all', '4abc'],
];

for (const [name, packet] of BEFORE_CONNECT) {
  test(`refusals: before the join: ${name}`, async () => {
    const raw = await RawWebSocket.open(server);
    raw.send(packet);
    await raw.end();
    await assert.rejects(raw.next(), /closed/);
  });
}

const AFTER_CONNECT = {
  'a second CONNECT': ['40'],
  'no packet type': ['4'],
  'an unknown packet type': ['47["message",1]'],
  'a letter for a type': ['4abc'],
  'a refusal from the client': ['44{"message":"x"}'],
  'an event for a namespace that was not joined': ['42/custom,["message",1]'],
  'a disconnect from a namespace that was not joined': ['41/custom,'],
  'a disconnect with a payload': ['41{}'],
  'an object instead of a list': ['42{}'],
  'an empty list': ['42[]'],
  'null': ['42null'],
  'a string': ['42"message"'],
  'null for a name': ['42[null]'],
  'a boolean for a name': ['42[true]'],
  'an object for a name': ['42[{"toString":"message"}]'],
  'the reserved name connect': ['42["connect"]'],
  'the reserved name connect_error': ['42["connect_error"]'],
  'the reserved name disconnect': ['42["disconnect","transport close"]'],
  'the reserved name disconnecting': ['42["disconnecting"]'],
  'the reserved name newListener': ['42["newListener"]'],
  'the reserved name removeListener': ['42["removeListener"]'],
  'a reserved name in escapes': ['42["\\u0064isconnect"]'],
  'a letter in the ack id': ['42abc["message-with-ack",1]'],
  'a sign in the ack id': ['42-1["message-with-ack",1]'],
  'a point in the ack id': ['421.5["message-with-ack",1]'],
  'an answer that is no list': ['430"x"'],
  'broken JSON': ['42["message",1'],
  'JSON and more': ['42["message",1]["message",2]'],
  'a comma too many': ['42["message",1,]'],
  'a number with a leading zero': ['42["message",01]'],
  'a control character in a string': ['42["message","a\u0001"]'],
  'no count of attachments': ['45["message"]'],
  'a count without a dash': [`451["message",${ONE}]`, bytes(1)],
  'a count of zero': ['450-["message"]'],
  'a count below zero': [`45-1-["message",${ONE}]`],
  'a count with a point': [`451.5-["message",${ONE}]`],
  'a count that is no number': [`45x-["message",${ONE}]`],
  'eleven attachments': [`4511-["message",${ONE}]`],
  'a huge count': [`4518446744073709551617-["message",${ONE}]`],
  'an attachment that was not announced': [bytes(1, 2, 3)],
  'text while an attachment is due': [`451-["message",${ONE}]`, '42["message",1]'],
  'a number of an attachment that does not come': ['451-["message",{"_placeholder":true,"num":1}]', bytes(1)],
  'a number of an attachment below zero': ['451-["message",{"_placeholder":true,"num":-1}]', bytes(1)],
  'a word for the number of an attachment': ['451-["message",{"_placeholder":true,"num":"splice"}]', bytes(1)],
  'no number of an attachment': ['451-["message",{"_placeholder":true}]', bytes(1)],
  'an attachment for a name': [`451-[${ONE}]`, bytes(1)],
};

async function assertRefused(socketId) {
  const reason = await server.reasonOf(socketId);
  assert.ok(VIOLATION_REASONS.includes(reason), reason);
}

for (const [name, frames] of Object.entries(AFTER_CONNECT)) {
  test(`refusals: ${name}`, async () => {
    const raw = await RawWebSocket.join(server);
    raw.send(...frames);
    await raw.end();
    await assertRefused(raw.socketId);
  });
}

test('refusals: a disconnect from a namespace that was left', async () => {
  const raw = await RawWebSocket.join(server);
  raw.send('41');
  assert.equal(await server.reasonOf(raw.socketId), 'client namespace disconnect');
  raw.send('41');
  await raw.end();
});

for (const name of ['a second CONNECT', 'a letter for a type', 'an object instead of a list', 'a count of zero']) {
  test(`refusals, polling: ${name}`, async () => {
    const session = await Polling.join(server);
    await session.post(AFTER_CONNECT[name][0]);
    // The end is told with the next poll, for which a server may wait, or the session is gone already.
    const res = await session.get();
    if (res.status === 200) assert.match(res.body, /^(6\x1e)?1$/);
    else assert.equal(res.status, 400);
    await assertRefused(session.socketId);
    assert.equal((await session.get()).status, 400);
  });
}

// What the official decoder takes and no client writes. Each is followed by an event that shows whether the session lives.
const LOOSE = {
  'an event without a payload': ['42'],
  'an answer without a payload': ['430'],
  'an empty event name': ['42["",1]'],
  'a fraction for a name': ['42[1.5]'],
  'a blank in the ack id': ['42 1["sink"]'],
  'an ack id beyond the safe integers': ['4218446744073709551616["sink"]'],
  'a count with a leading zero': [`4501-["sink",${ONE}]`, bytes(1)],
  'a count in powers of ten': [`451e0-["sink",${ONE}]`, bytes(1)],
  'a fraction for the number of an attachment': ['451-["sink",{"_placeholder":true,"num":0.5}]', bytes(1)],
  'an attachment named twice': [`451-["sink",${ONE},${ONE}]`, bytes(1)],
  'an attachment named nowhere': ['451-["sink",1]', bytes(1)],
};

for (const [name, frames] of Object.entries(LOOSE)) {
  test(`refusals: ${profile.looseForms}: ${name}`, async () => {
    const raw = await RawWebSocket.join(server);
    raw.send(...frames, '42["message","alive"]');
    if (profile.looseForms === 'accepted') {
      assert.equal(await raw.next(), '42["message-back","alive"]');
    } else {
      await raw.end();
      await assertRefused(raw.socketId);
    }
  });
}

test('refusals: one session that breaks the rules does not disturb the others', async () => {
  const good = await RawWebSocket.join(server);
  const bad = await RawWebSocket.join(server);
  bad.send('4abc');
  await bad.end();
  good.send('42["message","alive"]');
  assert.equal(await good.next(), '42["message-back","alive"]');
});
