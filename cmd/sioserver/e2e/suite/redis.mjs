// A Redis server of a test file, and clusters of servers around it.

import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from './wait.mjs';

const START_MS = 30_000;

const running = new Set();
process.on('exit', () => running.forEach((child) => child.kill('SIGKILL')));

const answers = (path) =>
  new Promise((resolve) => {
    const socket = connect(path, () => socket.write('PING\r\n'));
    socket.once('data', () => socket.end(() => resolve(true)));
    socket.once('error', () => resolve(false));
  });

class Redis {
  async start() {
    this.dir ??= await mkdtemp(join(tmpdir(), 'sio-redis-'));
    this.path = join(this.dir, 'redis.sock');
    this.spawn('--port', '0', '--unixsocket', this.path);
    await Promise.race([until(() => answers(this.path), 'redis-server', START_MS), this.failed]);
    return this;
  }

  spawn(...where) {
    const args = [...where, '--save', '', '--appendonly', 'no', '--dir', this.dir];
    this.child = spawn('redis-server', args, { stdio: ['ignore', 'ignore', 'inherit'] });
    running.add(this.child);
    this.failed = new Promise((_, reject) => this.child.once('error', reject));
    this.failed.catch(() => {});
    this.ended = new Promise((resolve) => this.child.once('exit', resolve));
  }

  // Stops it without ending it, until it is woken.
  sleep() {
    this.child.kill('SIGSTOP');
  }

  wake() {
    this.child.kill('SIGCONT');
  }

  // Resolves with the answer to a command as it comes, without its end.
  ask(...words) {
    return new Promise((resolve, reject) => {
      const socket = connect(this.path, () => {
        socket.write(`*${words.length}\r\n` + words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join(''));
      });
      socket.once('data', (answer) => socket.end(() => resolve(`${answer}`.trimEnd())));
      socket.once('error', reject);
    });
  }

  async kill() {
    this.child.kill('SIGKILL');
    await this.ended;
    running.delete(this.child);
  }

  async stop() {
    await this.kill();
    await rm(this.dir, { recursive: true });
  }
}

// Starts Redis on a unix socket, so that no port is taken.
export const startRedis = () => new Redis().start();

const MASTERS = 3;
const SLOTS = 16_384;

async function freePorts(n) {
  const probes = Array.from({ length: n }, () => createServer());
  const ports = await Promise.all(
    probes.map((probe) => new Promise((resolve) => probe.listen(0, '127.0.0.1', () => resolve(probe.address().port)))),
  );
  await Promise.all(probes.map((probe) => new Promise((resolve) => probe.close(resolve))));
  return ports;
}

// A server of a Redis Cluster.
class Node extends Redis {
  async start(port, bus) {
    this.dir = await mkdtemp(join(tmpdir(), 'sio-redis-'));
    this.path = { port, host: '127.0.0.1' };
    this.spawn('--bind', '127.0.0.1', '--port', `${port}`, '--cluster-enabled', 'yes', '--cluster-port', `${bus}`);
    await Promise.race([until(() => answers(this.path), 'redis-server', START_MS), this.failed, this.endedEarly()]);
    return this;
  }

  async endedEarly() {
    await this.ended;
    throw new Error('redis-server has ended');
  }
}

// Starts three masters on ports of loopback, which a Redis Cluster needs.
export async function startRedisCluster() {
  const ports = await freePorts(2 * MASTERS);
  const nodes = await Promise.all(Array.from({ length: MASTERS }, (_, i) => new Node().start(ports[i], ports[MASTERS + i])));
  for (const [i, node] of nodes.entries()) {
    const range = [i, i + 1].map((n) => Math.floor((n * SLOTS) / MASTERS));
    await node.ask('CLUSTER', 'ADDSLOTSRANGE', `${range[0]}`, `${range[1] - 1}`);
    await node.ask('CLUSTER', 'SET-CONFIG-EPOCH', `${i + 1}`);
    await nodes[0].ask('CLUSTER', 'MEET', '127.0.0.1', `${ports[i]}`, `${ports[MASTERS + i]}`);
  }
  const whole = async (node) => {
    const info = await node.ask('CLUSTER', 'INFO');
    return info.includes('cluster_state:ok') && info.includes(`cluster_known_nodes:${MASTERS}`);
  };
  for (const node of nodes) await until(() => whole(node), 'a whole cluster', START_MS);
  return {
    path: `cluster:${nodes.map(({ path }) => `127.0.0.1:${path.port}`).join(',')}`,
    stop: () => Promise.all(nodes.map((node) => node.stop())),
  };
}
