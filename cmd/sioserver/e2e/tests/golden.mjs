// The recordings that the Go tests read are what the pinned libraries publish: a new version of one shows here first.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { within } from '../suite/wait.mjs';

const RECORD_MS = 60_000;
const path = (name) => fileURLToPath(new URL(name, import.meta.url));

test('golden: what the official adapters and the emitter publish is what was recorded', async () => {
  const child = spawn(process.execPath, [path('../golden/record.mjs'), '--check', path('../../../../rooms')], { stdio: ['ignore', 'inherit', 'pipe'] });
  let errors = '';
  child.stderr.on('data', (text) => (errors += text));
  const code = await within(new Promise((resolve) => child.once('exit', resolve)), 'recording', RECORD_MS);
  assert.equal(code, 0, errors);
});
