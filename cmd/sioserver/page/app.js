// The try-it page: one socket, and what the controls and the logs of the page do with it.

'use strict';

const PROBE = 'latency-probe';
const PROBE_EVERY_MS = 2000;
const ANSWER_WITHIN_MS = 5000;
const LOG_LINES = 400;
const LOG_CHARS = 400;
const HEX_BYTES = 32;

const TRANSPORTS = { auto: ['polling', 'websocket'], polling: ['polling'], websocket: ['websocket'] };

const $ = (id) => document.getElementById(id);

let socket;
let watched;
let maxPayload = Infinity;
let probing;
const joined = new Set();

function clock() {
  const now = new Date();
  return `${now.toTimeString().slice(0, 8)}.${String(now.getMilliseconds()).padStart(3, '0')}`;
}

const millis = (ms) => (ms < 10 ? ms.toFixed(1) : ms.toFixed(0)) + ' ms';

const count = (n) => `${n.toLocaleString('en')} ${n === 1 ? 'byte' : 'bytes'}`;

function hex(bytes) {
  const head = Array.from(bytes.subarray(0, HEX_BYTES), (b) => b.toString(16).padStart(2, '0')).join(' ');
  return bytes.length > HEX_BYTES ? head + ' …' : head;
}

function element(tag, className, text) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text !== undefined) node.textContent = text;
  return node;
}

// A log follows its end, unless the reader has scrolled up to read.
function append(log, node) {
  const atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 40;
  log.append(node);
  while (log.childElementCount > LOG_LINES) log.firstElementChild.remove();
  if (atEnd) log.scrollTop = log.scrollHeight;
}

function show(state, title, detail = '') {
  $('status').dataset.state = state;
  $('state').textContent = title;
  $('detail').textContent = detail;
  const connected = state === 'connected';
  $('toggle').textContent = state === 'disconnected' ? 'Connect' : 'Disconnect';
  for (const form of ['join', 'chat', 'event', 'binary-random', 'binary-file']) {
    $(form).querySelector('button').disabled = !connected;
  }
  if (connected) return;
  $('transport').textContent = 'none';
  $('latency').textContent = 'none';
  $('sid').textContent = 'none';
}

function logPacket(direction, kind, text) {
  const line = element('li', text.includes(PROBE) ? 'probe' : '');
  const arrow = { in: '↓ ', out: '↑ ', note: '· ' }[direction];
  const spoken = { in: 'received ', out: 'sent ', note: '' }[direction];
  const label = element('span', direction);
  const sign = element('span', '', arrow);
  sign.setAttribute('aria-hidden', 'true');
  label.append(sign, element('span', 'sr', spoken), kind);
  const shown = text.length > LOG_CHARS ? `${text.slice(0, LOG_CHARS)}… (${text.length} characters)` : text;
  line.append(element('time', '', clock()), label, element('code', '', shown));
  append($('packets'), line);
}

function logged(direction) {
  return ({ type, data }) => {
    if (data === undefined || typeof data === 'string') {
      logPacket(direction, type, data ?? '');
      return;
    }
    const bytes = new Uint8Array(data.buffer ?? data, data.byteOffset ?? 0, data.byteLength);
    logPacket(direction, 'binary', `${count(bytes.length)}: ${hex(bytes)}`);
  };
}

// A manager makes a new engine for each connection; this is called right after it did.
function watch(engine) {
  if (engine === watched) return;
  watched = engine;
  engine.on('packet', logged('in'));
  engine.on('packetCreate', logged('out'));
  engine.on('handshake', (open) => {
    maxPayload = open.maxPayload ?? Infinity;
  });
  let way = '';
  engine.on('open', () => {
    way = engine.transport.name;
    $('transport').textContent = way;
  });
  engine.on('upgrade', (transport) => {
    way += ` → ${transport.name}`;
    $('transport').textContent = way;
    logPacket('note', 'upgrade', way);
    probe();
  });
  engine.on('close', (reason) => logPacket('note', 'closed', reason));
}

// Each call starts the beat anew, so that only one probe is ever on its way.
function probe() {
  clearTimeout(probing);
  if (!socket.connected) return;
  const asked = socket;
  const start = performance.now();
  asked.volatile.emit('echo', PROBE, () => {
    if (asked === socket && asked.connected) $('latency').textContent = millis(performance.now() - start);
  });
  probing = setTimeout(probe, PROBE_EVERY_MS);
}

function connect() {
  const mode = document.querySelector('input[name="mode"]:checked').value;
  const former = socket;
  socket = io({ transports: TRANSPORTS[mode], forceNew: true, autoConnect: false });
  former?.disconnect();
  const current = socket;
  const { io: manager } = current;

  current.on('connect', () => {
    show('connected', 'Connected');
    $('sid').textContent = current.id;
    for (const room of joined) current.emit('join', room);
    probe();
  });
  current.on('disconnect', (reason) => {
    if (current !== socket) return;
    if (current.active) show('connecting', 'Reconnecting', reason);
    else show('disconnected', 'Disconnected', reason);
  });
  current.on('connect_error', (error) => {
    if (current === socket) show(current.active ? 'connecting' : 'disconnected', 'Cannot connect', error.message);
  });
  manager.on('reconnect_attempt', (n) => {
    if (current === socket) show('connecting', 'Reconnecting', `attempt ${n}`);
    // The manager opens its new engine in the same turn, behind this event.
    queueMicrotask(() => watch(manager.engine));
  });
  current.on('bcast', (message) => say('everybody', message));
  current.on('room', (room, message) => say(room, message));

  show('connecting', 'Connecting');
  current.connect();
  watch(manager.engine);
}

$('connection').addEventListener('submit', (event) => {
  event.preventDefault();
  if ($('status').dataset.state === 'disconnected') {
    connect();
    return;
  }
  socket.disconnect();
  show('disconnected', 'Disconnected', 'by you');
});

$('connection').addEventListener('change', connect);

function say(to, message) {
  const line = element('p');
  line.append(
    element('time', '', clock().slice(0, 8)),
    ' ',
    element('strong', '', String(message?.name ?? 'somebody')),
    element('span', 'to', ` to ${to}: `),
    String(message?.text ?? JSON.stringify(message)),
  );
  $('messages').querySelector('.empty')?.remove();
  append($('messages'), line);
}

function drawRooms() {
  const chips = [...joined].map((room) => {
    const leave = element('button', '', `Leave ${room}`);
    leave.type = 'button';
    leave.addEventListener('click', () => {
      joined.delete(room);
      socket.emit('leave', room);
      drawRooms();
      $('room').focus();
    });
    const item = element('li');
    item.append(leave);
    return item;
  });
  $('rooms').replaceChildren(...chips);

  const chosen = $('to').value;
  const options = ['', ...joined].map((room) => {
    const option = element('option', '', room || 'Everybody');
    option.value = room;
    return option;
  });
  $('to').replaceChildren(...options);
  $('to').value = joined.has(chosen) ? chosen : '';
}

$('join').addEventListener('submit', (event) => {
  event.preventDefault();
  const room = $('room').value;
  socket.emit('join', room, () => {
    joined.add(room);
    drawRooms();
    $('to').value = room;
  });
});

$('chat').addEventListener('submit', (event) => {
  event.preventDefault();
  const message = { name: $('name').value || 'somebody', text: $('text').value };
  const room = $('to').value;
  if (room) socket.emit('room', room, message);
  else socket.emit('bcast', message);
  $('text').value = '';
  $('text').focus();
});

function parseArguments() {
  const args = JSON.parse($('event-args').value || '[]');
  if (!Array.isArray(args)) throw new Error('write a list, such as ["hello", 1]');
  return args;
}

$('event').addEventListener('submit', (event) => {
  event.preventDefault();
  let args;
  try {
    args = parseArguments();
    $('event-error').textContent = '';
    $('event-args').removeAttribute('aria-invalid');
  } catch (error) {
    $('event-error').textContent = `Not a JSON list: ${error.message}`;
    $('event-args').setAttribute('aria-invalid', 'true');
    $('event-args').focus();
    return;
  }
  const start = performance.now();
  const answered = (error, ...answers) => {
    const text = error ? `No answer: ${error.message}` : `${millis(performance.now() - start)}\n${JSON.stringify(answers, null, 2)}`;
    result($('answer'), !error, text);
  };
  try {
    socket.timeout(ANSWER_WITHIN_MS).emit($('event-name').value, ...args, answered);
  } catch (error) {
    result($('answer'), false, error.message);
  }
});

function result(output, good, text) {
  output.dataset.good = good;
  output.textContent = text;
}

function sendBytes(name, bytes) {
  // Over polling a payload carries base64, a third longer.
  const wire = socket.io.engine.transport.name === 'polling' ? Math.ceil(bytes.length / 3) * 4 + 200 : bytes.length;
  if (wire > maxPayload) {
    result($('echoed'), false, `${name}: too large for this server, which takes ${count(maxPayload)} a message.`);
    return;
  }
  const start = performance.now();
  socket.timeout(ANSWER_WITHIN_MS).emit('echo', name, bytes, (error, backName, back) => {
    if (error) {
      result($('echoed'), false, `${name}: no answer: ${error.message}`);
      return;
    }
    const got = new Uint8Array(back);
    const same = backName === name && got.length === bytes.length && got.every((byte, i) => byte === bytes[i]);
    const verdict = same ? 'came back identical' : 'came back different';
    result($('echoed'), same, `${name}: ${count(bytes.length)} ${verdict} in ${millis(performance.now() - start)}\n${hex(got)}`);
  });
}

$('binary-random').addEventListener('submit', (event) => {
  event.preventDefault();
  const bytes = new Uint8Array(Number($('size').value));
  // The browser hands out at most 64 KiB of randomness at a time.
  for (let at = 0; at < bytes.length; at += 65536) crypto.getRandomValues(bytes.subarray(at, at + 65536));
  sendBytes('random', bytes);
});

$('binary-file').addEventListener('submit', async (event) => {
  event.preventDefault();
  const [file] = $('file').files;
  sendBytes(file.name, new Uint8Array(await file.arrayBuffer()));
});

$('probes').addEventListener('change', () => $('packets').classList.toggle('all', $('probes').checked));

$('clear').addEventListener('click', () => $('packets').replaceChildren());

$('name').value = `Guest ${100 + Math.floor(Math.random() * 900)}`;

if (typeof io === 'function') connect();
else show('disconnected', 'Cannot start', 'the client script /socket.io/socket.io.min.js did not load');
