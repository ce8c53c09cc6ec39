// A Redis server of a test file, and clusters of servers around it.

import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
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
    const args = ['--port', '0', '--unixsocket', this.path, '--save', '', '--appendonly', 'no', '--dir', this.dir];
    this.child = spawn('redis-server', args, { stdio: ['ignore', 'ignore', 'inherit'] });
    running.add(this.child);
    const failed = new Promise((_, reject) => this.child.once('error', reject));
    this.ended = new Promise((resolve) => this.child.once('exit', resolve));
    await Promise.race([until(() => answers(this.path), 'redis-server', START_MS), failed]);
    return this;
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
