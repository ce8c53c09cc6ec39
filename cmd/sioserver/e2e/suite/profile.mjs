// The few answers in which servers may differ without any client noticing, by server.

const profiles = {
  // The official server, as pinned in package.json.
  reference: {
    // A close packet on an established websocket is passed over; only the missing pong ends the session.
    closePacketOnWebSocket: 'ignored',
    // A second CONNECT while the first still waits for its middleware makes a second socket.
    secondConnectWhilePending: 'second socket',
    // Forms that no client writes (blanks in ids, an EVENT without payload, …) are read with JavaScript's leniency.
    looseForms: 'accepted',
    // Open, upgrade and noop from a client are passed over.
    serverPacketFromClient: 'ignored',
    // Of several volatile events in one turn only the first finds the transport writable.
    volatileBurst: 'first only',
    // Any path below the configured one reaches the engine.
    longerPath: 200,
    // Events a client may emit in one turn: over polling they travel in one payload.
    burst: 3000,
  },
  // Our documented answers: a peer that breaks the protocol is closed at once; volatile events are dropped by the
  // amount of output that waits, so that a burst to a reading client may arrive whole; the path is matched whole; a payload holds
  // 1000 packets.
  sioserver: {
    closePacketOnWebSocket: 'closed',
    secondConnectWhilePending: 'closed',
    looseForms: 'closed',
    serverPacketFromClient: 'closed',
    volatileBurst: 'any prefix',
    longerPath: 404,
    burst: 900,
  },
};

const name = process.env.SIO_SERVER_PROFILE || (process.env.SIO_SERVER_CMD ? 'sioserver' : 'reference');

if (!profiles[name]) throw new Error(`SIO_SERVER_PROFILE: no profile "${name}"`);

export const profile = profiles[name];

// What a server may say when it ends a session over a Socket.IO packet it refuses. The official server says one of the
// first two, depending on whether a poll was pending; the third names the cause.
export const VIOLATION_REASONS = ['forced close', 'forced server close', 'parse error'];
