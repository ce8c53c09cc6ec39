// Starts the targets one after the other and holds each against its contract: check.mjs [NAME...]

import { readFile } from 'node:fs/promises';
import { checkEcho, checkFanout, checkWebsocket } from './raw.mjs';
import { checkSocketIO } from './socketio.mjs';
import { Skipped, start } from './target.mjs';

const parts = ({ kind, transports, ordered = true }) => {
  switch (kind) {
    case 'socket.io':
      return transports.map((mode) => [mode, (target, clients) => checkSocketIO(target, { mode, ordered }, clients)]);
    case 'websocket':
      return [['websocket', checkWebsocket]];
    case 'tcp-echo':
      return [['echo', checkEcho]];
    case 'tcp-fanout':
      return [['fan-out', checkFanout]];
  }
  throw new Error(`unknown kind ${kind}`);
};

// One process for each part, so that its clients are the only ones. They stay until the target has ended, as it must
// be able to with clients on it.
async function check(entry, run) {
  const target = await start(entry);
  const clients = [];
  let fault;
  try {
    await run(target, clients);
  } catch (err) {
    fault = err;
  }
  const status = await target.stop();
  for (const client of clients) client.disconnect();
  if (fault) throw fault;
  if (status !== 0 && status !== 'SIGTERM') throw new Error(`SIGTERM: ended with ${status}`);
  return target.version;
}

async function checkAll(entry) {
  let version;
  const held = parts(entry);
  for (const [what, run] of held) {
    try {
      version = await check(entry, run);
    } catch (err) {
      if (!(err instanceof Skipped)) err.message = `${what}: ${err.message}`;
      throw err;
    }
  }
  return `${version}: ${held.map(([what]) => what).join(', ')}`;
}

const all = JSON.parse(await readFile(new URL('../targets.json', import.meta.url)));
const names = process.argv.slice(2);
const unknown = names.filter((name) => !all.some((entry) => entry.name === name));
if (unknown.length > 0) {
  console.error(`no such target: ${unknown.join(', ')}`);
  process.exit(2);
}

const counts = { passed: 0, failed: 0, skipped: 0 };
for (const entry of all.filter(({ name }) => names.length === 0 || names.includes(name))) {
  let result;
  let text;
  try {
    text = await checkAll(entry);
    result = 'passed';
  } catch (err) {
    result = err instanceof Skipped ? 'skipped' : 'failed';
    text = err.message;
  }
  counts[result]++;
  console.log(`${result.padEnd(8)} ${entry.name.padEnd(14)} ${text}`);
}
console.log(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
process.exit(counts.failed > 0 ? 1 : 0);
