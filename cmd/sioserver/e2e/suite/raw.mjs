// The protocol by hand: polling requests with fetch and node:http, websocket frames with ws.

import WebSocket from 'ws';
import { requestTo } from './http.mjs';
import { once, within } from './wait.mjs';

const SEPARATOR = '\x1e';
const PATH = '/socket.io/';

export const packets = (body) => body.split(SEPARATOR);
export const payload = (...list) => list.join(SEPARATOR);

export function address(at, params, path = PATH) {
  return `${at.url}${path}?${new URLSearchParams(params)}`;
}

// One HTTP request: {status, headers, body}. `at` is a server or a relay.
export async function request(at, params, { path, ...init } = {}) {
  const res = await fetch(address(at, params, path), init);
  return { status: res.status, headers: res.headers, body: await res.text() };
}

// A polling session by hand.
export class Polling {
  static async open(at, params = {}) {
    const session = new Polling();
    session.at = at;
    const res = await request(at, { EIO: '4', transport: 'polling', ...params });
    if (res.status !== 200) throw new Error(`handshake: ${res.status} ${res.body}`);
    session.handshake = JSON.parse(packets(res.body)[0].slice(1));
    session.sid = session.handshake.sid;
    session.params = { EIO: '4', transport: 'polling', sid: session.sid };
    return session;
  }

  // Opens a session and joins a namespace; `socketId` is the answer, and the first event is read away.
  static async join(at, connect = '40') {
    const session = await Polling.open(at);
    await session.post(connect);
    const answer = await session.read(2);
    session.socketId = JSON.parse(answer[0].slice(answer[0].indexOf('{'))).sid;
    return session;
  }

  get(init) {
    return within(request(this.at, this.params, init), 'answer to a poll');
  }

  post(body, init) {
    return within(request(this.at, this.params, { method: 'POST', body, ...init }), 'answer to a POST');
  }

  // Polls until `n` packets are in.
  async read(n) {
    const got = [];
    while (got.length < n) {
      const res = await this.get();
      if (res.status !== 200) throw new Error(`poll: ${res.status} ${res.body} after ${JSON.stringify(got)}`);
      got.push(...packets(res.body));
    }
    return got;
  }

  // A poll that is on the wire when this resolves: {answer}, a promise of {status, body}. A server that has taken the
  // connection reads it before anything that is sent later; `abort` drops the connection.
  async hold() {
    const req = requestTo(address(this.at, this.params), { agent: false });
    const answer = reply(req);
    answer.catch(() => {});
    req.end();
    await once(req, 'finish');
    return { answer: within(answer, 'answer to the held poll'), abort: () => req.destroy() };
  }

  // A POST whose body stays unfinished: `write` sends a piece, `end` finishes it, `abort` drops the connection.
  async openPost(headers = {}) {
    const req = requestTo(address(this.at, this.params), { method: 'POST', agent: false, headers });
    const answer = reply(req);
    answer.catch(() => {});
    req.flushHeaders();
    const [socket] = await once(req, 'socket');
    if (socket.connecting) await once(socket, 'connect');
    return {
      answer: within(answer, 'answer to the open POST'),
      write: (piece) => within(new Promise((done) => req.write(piece, done)), 'write'),
      end: () => req.end(),
      abort: () => req.destroy(),
    };
  }
}

function reply(req) {
  return new Promise((resolve, reject) => {
    req.once('error', reject);
    req.once('response', (res) => {
      let body = '';
      res.setEncoding('utf8');
      res.on('data', (piece) => (body += piece));
      res.on('end', () => resolve({ status: res.statusCode, headers: res.headers, body }));
      res.on('error', reject);
    });
  });
}

const open = new Set();

// Ends the websockets a test has left behind.
export function endWebSockets() {
  for (const ws of open) ws.terminate();
  open.clear();
}

// A websocket by hand: frames are read in order, pings of the protocol are answered unless `pong` is false.
export class RawWebSocket {
  #frames = [];
  #wake = () => {};

  constructor(at, params = { EIO: '4', transport: 'websocket' }, { pong = true, ...options } = {}) {
    this.ws = new WebSocket(`${at.wsUrl}${PATH}?${new URLSearchParams(params)}`, options);
    open.add(this.ws);
    this.ws.on('error', () => {});
    this.closed = new Promise((resolve) => {
      this.ws.once('close', (code, reason) => {
        resolve({ code, reason: reason.toString() });
        this.#wake();
      });
    });
    this.refused = new Promise((resolve) => {
      this.ws.once('unexpected-response', async (req, res) => {
        let body = '';
        for await (const piece of res) body += piece;
        resolve({ status: res.statusCode, body });
        this.ws.terminate();
      });
    });
    this.ws.on('message', (data, isBinary) => {
      const frame = isBinary ? data : data.toString();
      if (pong && frame === '2') {
        this.ws.send('3');
        return;
      }
      this.#frames.push(frame);
      this.#wake();
    });
  }

  // Opens a session of its own; `handshake` is the first frame.
  static async open(at, options) {
    const raw = new RawWebSocket(at, undefined, options);
    raw.handshake = JSON.parse((await raw.next()).slice(1));
    raw.sid = raw.handshake.sid;
    return raw;
  }

  // Opens a session and joins a namespace; the first event is read away.
  static async join(at, connect = '40', options) {
    const raw = await RawWebSocket.open(at, options);
    raw.send(connect);
    const answer = await raw.next();
    raw.socketId = JSON.parse(answer.slice(answer.indexOf('{'))).sid;
    await raw.next();
    return raw;
  }

  send(...frames) {
    for (const frame of frames) this.ws.send(frame);
  }

  // The next frame: text as a string, binary as a Buffer; an error if the websocket closes before.
  async next(ms) {
    const end = this.closed.then(({ code }) => {
      if (!this.#frames.length) throw new Error(`the websocket closed with ${code}`);
    });
    end.catch(() => {});
    if (!this.#frames.length) {
      const woken = new Promise((resolve) => (this.#wake = resolve));
      await within(Promise.race([woken, end]), 'websocket frame', ms);
    }
    if (!this.#frames.length) throw new Error('the websocket closed');
    return this.#frames.shift();
  }

  async read(n) {
    const frames = [];
    while (frames.length < n) frames.push(await this.next());
    return frames;
  }

  // Resolves with the answer of a server that will not upgrade: {status, body}.
  refusal(ms) {
    return within(this.refused, 'refusal of the websocket', ms);
  }

  // Resolves with {code, reason} when the server has closed the websocket.
  end(ms) {
    return within(this.closed, 'close of the websocket', ms);
  }
}
