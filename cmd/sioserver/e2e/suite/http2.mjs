// Polling over HTTP/2: fetch by way of undici, and the transport of the official client that uses it. XMLHttpRequest,
// as the client has it for Node.js, knows HTTP/1.1 only.

import { Fetch, NodeWebSocket as WebSocket } from 'engine.io-client';
import { Agent, fetch, setGlobalDispatcher } from 'undici';

// From here on fetch speaks HTTP/2 to who offers it. It is undici's own: that of Node.js 20 is an older one, which never
// settles what is asked of a server that went away while a request over HTTP/2 was under way.
export function overHTTP2() {
  setGlobalDispatcher(new Agent({ allowH2: true }));
  globalThis.fetch = fetch;
}

// The transports of a client of version 4, in the order of each mode.
export const TRANSPORTS_2 = {
  polling: [Fetch],
  websocket: [WebSocket],
  upgrade: [Fetch, WebSocket],
};
