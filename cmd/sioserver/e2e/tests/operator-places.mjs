// Places for clients: how many there are, and what those are told for whom there is none. What the API knows of their
// connections.

import assert from 'node:assert/strict';
import { get } from 'node:http';
import { test } from 'node:test';
import { io } from 'socket.io-client';
import { startOperator } from '../suite/operator.mjs';
import { once, until } from '../suite/wait.mjs';

const WAIT_MS = 40_000;

// Resolves with the answer to a request on a connection of its own.
const ask = (url) =>
  new Promise((resolve, reject) => {
    get(url, { agent: false }, (response) => {
      let body = '';
      response.on('data', (part) => (body += part));
      response.on('end', () => resolve({ status: response.statusCode, headers: response.headers, body }));
    }).once('error', reject);
  });

async function withOperator(config, run) {
  const server = await startOperator(config);
  const clients = new Set();
  const dial = (transports, options) => {
    const client = io(server.url, { transports, forceNew: true, reconnectionDelay: 50, reconnectionDelayMax: 100, ...options });
    clients.add(client);
    return client;
  };
  try {
    await run(server, dial);
  } finally {
    clients.forEach((c) => c.disconnect());
    await server.stop('SIGKILL').catch(() => {});
  }
}

test('max_connections: as many as there are places, the next one is answered', () =>
  withOperator({ limits: { max_connections: 3 } }, async (server, dial) => {
    const inside = [];
    for (let i = 0; i < 3; i++) {
      inside.push(dial(['websocket']));
      await once(inside[i], 'connect', WAIT_MS);
    }
    const answer = await ask(`${server.url}/socket.io/?EIO=4&transport=polling`);
    assert.equal(answer.status, 503, answer.body);
    assert.ok(Number(answer.headers['retry-after']) > 0);
    assert.match(answer.body, /3 connections are open/);
    const ready = await fetch(`${server.control}/readyz`);
    assert.equal(ready.status, 503);
    for (const transports of [['websocket'], ['polling'], ['polling', 'websocket']]) {
      const outside = dial(transports);
      await once(outside, 'connect_error', WAIT_MS);
      const comes = once(outside, 'connect', WAIT_MS); // by itself
      inside.shift().disconnect();
      await comes;
      if (transports.length > 1) await until(() => outside.io.engine.transport.name === 'websocket', 'the upgrade', WAIT_MS);
      if (transports[0] === 'polling' && transports.length === 1) outside.disconnect(); // it has two connections
      else inside.push(outside);
    }
    const metrics = await (await fetch(`${server.control}/metrics`)).text();
    assert.match(metrics, /\nsioserver_max_connections 3\n/);
    assert.match(metrics, /sioserver_limit_rejections_total\{limit="max_connections"\} [4-9]/);
  }));

test('sockets: connection, round trip time and rates', () =>
  withOperator({}, async (server, dial) => {
    const client = dial(['websocket']);
    await once(client, 'connect', WAIT_MS);
    const look = async (query = '') => {
      const { status, body } = await server.api('GET', `sockets/${client.id}${query}`);
      assert.equal(status, 200, JSON.stringify(body));
      return body.result;
    };
    const socket = await look();
    assert.ok(socket.rtt_ms > 0 && socket.in_rate > 0 && socket.out_rate > 0, JSON.stringify(socket));
    assert.match(socket.conn_id, /\.[0-9a-f]{16}$/);
    const { body } = await server.api('GET', 'sockets');
    assert.equal(body.result.items[0].conn_id, socket.conn_id);
    assert.ok(body.result.items[0].rtt_ms > 0);

    const measured = async () => (await look('?sample_ms=200')).in_rate ?? 0;
    await until(async () => (await measured()) === 0, 'a time in which nothing comes', WAIT_MS);
    const traffic = setInterval(() => client.emit('x', 'x'.repeat(1000)), 5);
    try {
      await until(async () => (await measured()) > 1000, 'a time in which much comes', WAIT_MS);
    } finally {
      clearInterval(traffic);
    }
    for (const wrong of ['99', '10001', 'x']) assert.equal((await server.api('GET', `sockets/${client.id}?sample_ms=${wrong}`)).status, 422);
    assert.equal((await server.api('GET', `sockets/${client.id}?sample_ms=100`)).status, 200);
  }));
