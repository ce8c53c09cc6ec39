// More clients than an official one can be in a process: the program in crowd/, told what to do over its input.

import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { within } from './wait.mjs';

const command = process.env.SIO_CROWD_CMD;
const PATIENCE_MS = 150_000; // the program's own is shorter

const running = new Set();
process.on('exit', () => running.forEach((child) => child.kill('SIGKILL')));

// Resolves when all clients of the crowd are connected. Options are the flags of the program.
export async function startCrowd(server, options) {
  if (!command) throw new Error('SIO_CROWD_CMD: no command for crowds of clients');
  const flags = Object.entries({ url: server.wsUrl, ...options }).map(([name, value]) => `-${name}=${value}`);
  const child = spawn(command, flags, { stdio: ['pipe', 'pipe', 'inherit'] });
  running.add(child);
  child.stdin.on('error', () => {}); // it has ended, which is told below
  const waiting = [];
  createInterface({ input: child.stdout }).on('line', (line) => waiting.shift()?.resolve(JSON.parse(line)));
  const ended = new Promise((resolve) => {
    child.once('exit', (code) => {
      running.delete(child);
      for (const { reject } of waiting) reject(new Error(`the crowd ended with status ${code}`));
      resolve(code);
    });
  });
  const answer = () => within(new Promise((resolve, reject) => waiting.push({ resolve, reject })), 'an answer of the crowd', PATIENCE_MS);
  await answer();
  return {
    ask: (what) => {
      child.stdin.write(`${what}\n`);
      return answer();
    },
    stop: async () => {
      child.stdin.end();
      child.kill('SIGKILL');
      await ended;
    },
  };
}

// The most of `slots` in any span of time, as a rate per second.
export function highest(slots, slotMs, spanMs) {
  const n = spanMs / slotMs;
  let sum = 0;
  let most = 0;
  slots.forEach((count, i) => {
    sum += count - (slots[i - n] ?? 0);
    most = Math.max(most, sum);
  });
  return (most * 1000) / spanMs;
}

// Resident memory of a process in bytes.
export async function resident(pid) {
  const [, kilobytes] = /^VmRSS:\s+(\d+) kB$/m.exec(await readFile(`/proc/${pid}/status`, 'utf8'));
  return kilobytes * 1024;
}

// The sum of a metric over the labels asked for, 0 if it is not there.
export async function metric(server, name, labels = {}) {
  const text = await (await fetch(`${server.control}/metrics`)).text();
  const wanted = Object.entries(labels).map(([label, value]) => `${label}="${value}"`);
  return text
    .split('\n')
    .filter((line) => (line.startsWith(`${name}{`) || line.startsWith(`${name} `)) && wanted.every((label) => line.includes(label)))
    .reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
}
