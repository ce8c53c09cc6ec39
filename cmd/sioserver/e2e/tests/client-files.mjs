// The files of the browser client that the server hands out.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { after, before, test } from 'node:test';
import { brotliDecompressSync, gunzipSync, inflateSync } from 'node:zlib';
import { requestTo } from '../suite/http.mjs';
import { profile } from '../suite/profile.mjs';
import { startServer } from '../suite/server.mjs';
import { within } from '../suite/wait.mjs';

const DIST = new URL('../node_modules/socket.io-client/dist/', import.meta.url);
const { version } = createRequire(import.meta.url)('socket.io-client/package.json');
const BUNDLES = ['socket.io.js', 'socket.io.min.js', 'socket.io.esm.min.js', 'socket.io.msgpack.min.js'];
const FILES = BUNDLES.flatMap((name) => [name, `${name}.map`]);
const DECODE = { br: brotliDecompressSync, gzip: gunzipSync, deflate: inflateSync };

let server;
let bare;
before(async () => ([server, bare] = await Promise.all([startServer(), startServer({ serveClient: false })])));
after(() => Promise.all([server.stop(), bare.stop()]));

// One request whose body is not decoded: {status, headers, body}.
function get(at, path, headers = {}, method = 'GET') {
  const answer = new Promise((resolve, reject) => {
    const req = requestTo(at.url + path, { agent: false, headers, method }, (res) => {
      const pieces = [];
      res.on('data', (piece) => pieces.push(piece));
      res.on('end', () => resolve({ status: res.statusCode, headers: res.headers, body: Buffer.concat(pieces) }));
      res.on('error', reject);
    });
    req.on('error', reject);
    req.end();
  });
  return within(answer, `answer to ${path}`);
}

for (const name of FILES) {
  test(`client files: ${name}`, async () => {
    const { status, headers, body } = await get(server, `/socket.io/${name}`);
    assert.equal(status, 200);
    const type = name.endsWith('.map') ? 'application/json' : 'application/javascript';
    assert.equal(headers['content-type'].toLowerCase(), `${type}; charset=utf-8`);
    assert.equal(headers.etag, `"${version}"`);
    assert.equal(headers['cache-control'], 'public, max-age=0');
    assert.equal(headers['content-encoding'], undefined);
    assert.ok(body.equals(await readFile(new URL(name, DIST))), 'not the file of the client');
  });
}

test('client files: a query does not matter', async () => {
  assert.equal((await get(server, '/socket.io/socket.io.js?v=1')).status, 200);
});

test('client files: not again to a browser that has them', async () => {
  for (const etag of [`"${version}"`, `W/"${version}"`]) {
    const res = await get(server, '/socket.io/socket.io.js', { 'If-None-Match': etag });
    assert.deepEqual([res.status, res.body.length], [304, 0]);
  }
  const res = await get(server, '/socket.io/socket.io.js', { 'If-None-Match': '"0.0.0"' });
  assert.equal(res.status, 200);
});

// What the client takes, and the best of it; encodings it likes as much as each other stand together.
const WANTED = {
  'gzip': ['gzip'],
  'deflate': ['deflate'],
  'br': ['br'],
  'gzip, deflate, br': ['gzip', 'deflate', 'br'],
  'gzip;q=1, br;q=0.5': ['gzip'],
  'br;q=0, gzip': ['gzip'],
  '*': ['gzip', 'deflate', 'br'],
};

for (const [accept, wanted] of Object.entries(WANTED)) {
  test(`client files: compressed for a client that takes ${accept}`, async () => {
    const { status, headers, body } = await get(server, '/socket.io/socket.io.js', { 'Accept-Encoding': accept });
    assert.equal(status, 200);
    const encoding = headers['content-encoding'];
    const plain = await readFile(new URL('socket.io.js', DIST));
    if (wanted.some((name) => profile.clientEncodings.includes(name))) {
      assert.ok(wanted.includes(encoding), encoding);
      assert.ok(DECODE[encoding](body).equals(plain), 'not the file of the client');
      assert.ok(body.length < plain.length / 2, `${body.length} bytes`);
    } else {
      assert.equal(encoding, undefined);
      assert.ok(body.equals(plain), 'not the file of the client');
    }
  });
}

for (const accept of ['identity', 'gzip;q=0', 'unknown']) {
  test(`client files: plain for a client that takes ${accept}`, async () => {
    const { status, headers, body } = await get(server, '/socket.io/socket.io.js', { 'Accept-Encoding': accept });
    assert.deepEqual([status, headers['content-encoding']], [200, undefined]);
    assert.ok(body.equals(await readFile(new URL('socket.io.js', DIST))));
  });
}

test('client files: no others, and none outside', async () => {
  for (const path of ['/socket.io/socket.io.css', '/socket.io/package.json']) {
    assert.equal((await get(server, path)).status, profile.unknownBelowPath, path);
  }
  assert.equal((await get(server, '/socket.io.js')).status, 404);
});

test('client files: none from a server that does not serve them', async () => {
  for (const name of FILES) {
    const { status, body } = await get(bare, `/socket.io/${name}`);
    assert.equal(status, profile.unknownBelowPath, name);
    assert.ok(body.length < 200, `${body.length} bytes`);
  }
});

test('client files: below the configured path', async () => {
  const own = await startServer({ path: '/other/path' });
  try {
    assert.equal((await get(own, '/other/path/socket.io.min.js')).status, 200);
    assert.equal((await get(own, '/socket.io/socket.io.min.js')).status, 404);
  } finally {
    await own.stop();
  }
});

test('client files: for pages of other origins, if those are allowed', async () => {
  const own = await startServer({ corsOrigin: 'https://example.com' });
  try {
    const { headers } = await get(own, '/socket.io/socket.io.esm.min.js', { Origin: 'https://example.com' });
    assert.equal(headers['access-control-allow-origin'], 'https://example.com');
  } finally {
    await own.stop();
  }
});
