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
    // The upgrade of an Engine.IO 3 session takes away the timer that waits for the client's pings.
    timeoutAfterUpgradeEIO3: 'none',
    // A session that was recovered can be recovered again with the same words, by anybody who has them.
    recoveredSession: 'reusable',
    // What the files of the client can be compressed with.
    clientEncodings: ['br', 'gzip', 'deflate'],
    // A page whose origin is not allowed is served all the same; its browser keeps the answers from it. Over websocket
    // browsers do not ask.
    foreignOrigin: 'served',
    // Whether a client may come in is asked before its protocol is looked at.
    deniedOtherProtocol: 403,
    // Anything else below the path is taken for a broken request to the engine.
    unknownBelowPath: 400,
    // The flag compress(false) does not reach websockets, where the size alone decides.
    plainOverWebSocket: 'compressed',
    // An offer of compression with a parameter that cannot be is a handshake that cannot be.
    brokenOffer: 'refused',
  },
  // Our documented answers: a peer that breaks the protocol is closed at once; volatile events are dropped by the
  // amount of output that waits, so that a burst to a reading client may arrive whole; the path is matched whole; a payload holds
  // 1000 packets; the heartbeat is watched on every transport; a session is recovered once; client files are kept compressed once; origins that are
  // not allowed are refused on every transport; the application is asked about those the engine would let in; what is not
  // to be compressed is not.
  sioserver: {
    closePacketOnWebSocket: 'closed',
    secondConnectWhilePending: 'closed',
    looseForms: 'closed',
    serverPacketFromClient: 'closed',
    volatileBurst: 'any prefix',
    longerPath: 404,
    burst: 900,
    timeoutAfterUpgradeEIO3: 'kept',
    recoveredSession: 'used up',
    clientEncodings: ['gzip'],
    foreignOrigin: 'refused',
    deniedOtherProtocol: 400,
    unknownBelowPath: 404,
    plainOverWebSocket: 'plain',
    brokenOffer: 'passed over',
  },
};

const name = process.env.SIO_SERVER_PROFILE || (process.env.SIO_SERVER_CMD ? 'sioserver' : 'reference');

if (!profiles[name]) throw new Error(`SIO_SERVER_PROFILE: no profile "${name}"`);

export const profile = profiles[name];

// What a server may say when it ends a session over a Socket.IO packet it refuses. The official server says one of the
// first two, depending on whether a poll was pending; the third names the cause.
export const VIOLATION_REASONS = ['forced close', 'forced server close', 'parse error'];
