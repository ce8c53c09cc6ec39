// The flags of CONTRACT.md as options of the official server.

import { parseArgs } from 'node:util';
import * as msgpack from 'socket.io-msgpack-parser';
import { mirror, object } from '../suite/parsers.mjs';

const DEFAULTS = {
  'listen': '',
  'tls-cert': '',
  'tls-key': '',
  'ping-interval': '25000',
  'ping-timeout': '20000',
  'connect-timeout': '45000',
  'max-payload': '1000000',
  'path': '/socket.io',
  'add-trailing-slash': 'true',
  'transports': 'polling,websocket',
  'allow-upgrades': 'true',
  'eio3': 'false',
  'parser': 'json',
  'recovery': '0',
  'recovery-middlewares': 'false',
  'cors-origin': '',
  'cors-credentials': 'false',
  'cookie': '',
  'serve-client': 'true',
  'initial-packet': '',
  'deny-query': '',
  'mark-headers': 'false',
  'generate-id': '',
  'lines': 'false',
  'publish': 'false',
  'engine-events': 'false',
  'room-events': 'false',
  'cleanup-namespaces': 'false',
  'http-compression': '1024',
  'per-message-deflate': '0',
  'context-takeover': 'false',
  'adapter': 'none',
  'redis': '',
  'redis-key': 'socket.io',
};

const DENIED = 'Denied by query';

export function readFlags() {
  const options = { dev: { type: 'boolean', default: false } };
  for (const [name, value] of Object.entries(DEFAULTS)) options[name] = { type: 'string', default: value };
  return parseArgs({ options }).values;
}

function origin(text) {
  const pattern = /^\/(.*)\/$/.exec(text);
  if (pattern) return new RegExp(pattern[1]);
  return text.includes(',') ? text.split(',') : text;
}

// Says by the request which rules hold for it.
function delegate(req, decide) {
  const rules = new URL(req.url, 'http://localhost').searchParams.get('rules');
  if (rules === 'own') decide(null, { origin: req.headers.origin, credentials: true, methods: 'GET' });
  else if (rules === 'all') decide(null, { origin: '*' });
  else if (rules === 'error') decide(new Error('no rules'));
  else decide(null, { origin: ['http://good.example'], maxAge: 60 });
}

function allowRequest(text) {
  const [name, value] = text.split('=');
  return (req, decide) => {
    const { searchParams } = new URL(req.url, 'http://localhost');
    if (searchParams.get(name) === value) decide(DENIED, false);
    else decide(null, true);
  };
}

export function serverOptions(flags) {
  const yes = (name) => flags[name] === 'true';
  const options = {
    pingInterval: Number(flags['ping-interval']),
    pingTimeout: Number(flags['ping-timeout']),
    connectTimeout: Number(flags['connect-timeout']),
    maxHttpBufferSize: Number(flags['max-payload']),
    path: flags.path,
    addTrailingSlash: yes('add-trailing-slash'),
    transports: flags.transports.split(','),
    allowUpgrades: yes('allow-upgrades'),
    allowEIO3: yes('eio3'),
    serveClient: yes('serve-client'),
    cleanupEmptyChildNamespaces: yes('cleanup-namespaces'),
    perMessageDeflate: flags['per-message-deflate'] !== '0' && {
      threshold: Number(flags['per-message-deflate']),
      serverNoContextTakeover: !yes('context-takeover') || undefined,
      clientNoContextTakeover: !yes('context-takeover') || undefined,
    },
    httpCompression: flags['http-compression'] !== '0' && { threshold: Number(flags['http-compression']) },
  };
  if (flags.parser !== 'json') options.parser = { msgpack, object, mirror }[flags.parser];
  if (flags.recovery !== '0') {
    options.connectionStateRecovery = {
      maxDisconnectionDuration: Number(flags.recovery),
      skipMiddlewares: !yes('recovery-middlewares'),
    };
  }
  if (flags['cors-origin'] === 'delegate') {
    options.cors = delegate;
  } else if (flags['cors-origin']) {
    options.cors = { origin: origin(flags['cors-origin']), credentials: yes('cors-credentials') };
  }
  if (flags.cookie) options.cookie = { name: flags.cookie };
  if (flags['initial-packet']) options.initialPacket = flags['initial-packet'];
  if (flags['deny-query']) options.allowRequest = allowRequest(flags['deny-query']);
  return options;
}
