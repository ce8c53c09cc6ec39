// What is recorded: names, how many messages each publishes, and what makes them.

const acked = (operator, ...event) =>
  new Promise((resolve, reject) => operator.emit(...event, (err, answers) => (err ? reject(err) : resolve(answers))));

// Values whose forms in MessagePack differ.
const NUMBERS = [
  0, 1, 127, 128, 255, 256, 65535, 65536, 4294967295, 4294967296, 9007199254740991,
  -1, -32, -33, -128, -129, -32768, -32769, -2147483648, -2147483649, -9007199254740991, 1.5, -0.1, 1e-7,
];
const TEXTS = ['', 'é', '\u2028', '€ 😀', 'x'.repeat(31), 'x'.repeat(32), 'x'.repeat(255), 'x'.repeat(256)];
const listOf = (n) => Array.from({ length: n }, (_, i) => i);
const mapOf = (n) => Object.fromEntries(listOf(n).map((i) => [`k${i}`, i]));
const NESTED = { list: [[], [null, true, false], listOf(15), listOf(16)], maps: [{}, mapOf(15), mapOf(16)], 'odd key': { é: 1 } };
const BYTES = [0, 1, 255, 256].map((n) => Buffer.alloc(n, 7));

export const operations = {
  'everybody': [1, ({ a }) => a.emit('hi')],
  'one room': [1, ({ a }) => a.to('r1').emit('hi', 1)],
  'the room of a socket': [1, ({ a, clients }) => a.to(clients[1].id).emit('hi', 1)],
  'rooms and except': [1, ({ a }) => a.to('r1').to('r2').except('r3').except('r4').emit('hi', 1)],
  'volatile': [1, ({ a }) => a.volatile.emit('hi', 1)],
  'not compressed': [1, ({ a }) => a.compress(false).emit('hi', 1)],
  'others': [1, (pair) => pair.socket(0).broadcast.emit('hi', 1)],
  'a question': [3, ({ a }) => acked(a.timeout(2000), 'ask', { x: [1, 'é'] })],
  'a question to a room, with binary': [3, ({ a }) => acked(a.to('r1').except('r2').timeout(2000), 'ask', Buffer.from('q'))],
  'a question that is answered with nothing': [3, ({ a }) => acked(a.timeout(2000), 'ask-nothing')],
  'fetchSockets': [2, ({ a }) => a.in('r1').except('r2').fetchSockets()],
  'fetchSockets of all': [2, ({ a }) => a.fetchSockets()],
  'socketsJoin': [1, ({ a }) => a.in('r1').except('r2').socketsJoin(['r5', 'r6'])],
  'socketsLeave': [1, ({ a }) => a.socketsLeave('r5')],
  'disconnectSockets': [1, ({ a }) => a.in('nobody').disconnectSockets()],
  'disconnectSockets with their connections': [1, ({ a }) => a.in('nobody').disconnectSockets(true)],
  'serverSideEmit': [1, ({ a }) => a.serverSideEmit('side', 1, { x: ['é'] })],
  'serverSideEmit with ack': [2, ({ a }) => a.serverSideEmitWithAck('side', { x: ['é'] })],
};

// Values in all their forms.
export const values = {
  'numbers': [1, ({ a }) => a.emit('hi', NUMBERS)],
  'texts': [1, ({ a }) => a.emit('hi', ...TEXTS)],
  'nested values': [1, ({ a }) => a.emit('hi', NESTED, null, true)],
  'binary': [1, ({ a }) => a.emit('hi', { list: BYTES, last: 1 }, Buffer.from('end'))],
};

// What only the plain adapters have.
const adapter = (pair) => pair.a.of('/').adapter;
export const lists = { 'allRooms': [2, (pair) => adapter(pair).allRooms()] };

// What only version 7 sends.
export const old = {
  'sockets': [2, (pair) => adapter(pair).sockets(new Set(['r1']))],
  'remoteJoin': [2, (pair) => adapter(pair).remoteJoin(pair.clients[1].id, 'r7')],
  'remoteLeave': [2, (pair) => adapter(pair).remoteLeave(pair.clients[1].id, 'r7')],
  'remoteDisconnect': [2, (pair) => adapter(pair).remoteDisconnect(pair.clients[1].id, true)],
};

export const emitter = {
  'everybody': [1, ({ emitter }) => emitter.emit('hi', 1, Buffer.from('b'))],
  'one room': [1, ({ emitter }) => emitter.to('r1').emit('hi', NESTED)],
  'rooms and except': [1, ({ emitter }) => emitter.to(['r1', 'r2']).except('r3').emit('hi', NUMBERS)],
  'volatile': [1, ({ emitter }) => emitter.volatile.emit('hi', 1)],
  'not compressed': [1, ({ emitter }) => emitter.compress(false).emit('hi', 1)],
  'a namespace': [1, ({ emitter }) => emitter.of('chat').to('r1').emit('hi', ...TEXTS)],
  'socketsJoin': [1, ({ emitter }) => emitter.in('r1').except('r2').socketsJoin(['r5', 'r6'])],
  'socketsLeave': [1, ({ emitter }) => emitter.socketsLeave('r5')],
  'disconnectSockets': [1, ({ emitter }) => emitter.in('nobody').disconnectSockets(true)],
  'serverSideEmit': [1, ({ emitter }) => emitter.serverSideEmit('side', 1, { x: ['é'] })],
};
