// One target as a process of its own: started by its run script, ready at its first line, ended by SIGTERM.

import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { within } from './deadline.mjs';

const SKIPPED = 77;
const BUILD_MS = 15 * 60_000;
const END_MS = 10_000;

export class Skipped extends Error {}

export async function start({ name, folder = name, args = [] }) {
  const script = fileURLToPath(new URL(`../${folder}/run`, import.meta.url));
  const child = spawn(script, ['--listen', '127.0.0.1:0', ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = new Promise((resolve) => child.on('close', (code, signal) => resolve(code ?? signal)));
  let said = '';
  child.stderr.on('data', (chunk) => (said = (said + chunk).slice(-4000)));

  const line = new Promise((resolve, reject) => {
    createInterface({ input: child.stdout }).once('line', resolve);
    ended.then((code) => {
      const words = said.trim();
      reject(code === SKIPPED ? new Skipped(words.split('\n').at(-1)) : new Error(`ended with ${code}: ${words}`));
    });
  });
  const stop = async () => {
    child.kill('SIGTERM');
    try {
      return await within(END_MS, 'the end after SIGTERM', ended);
    } catch (err) {
      child.kill('SIGKILL');
      throw err;
    }
  };
  try {
    const { listening, version } = JSON.parse(await within(BUILD_MS, 'the ready line', line));
    const [host, port] = listening.split(':');
    return { host, port: Number(port), listening, version, stop };
  } catch (err) {
    if (!(err instanceof Skipped)) await stop();
    throw err;
  }
}
