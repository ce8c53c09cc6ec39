// Randomness that is the same each time, for recordings.

import crypto from 'node:crypto';
import { syncBuiltinESMExports } from 'node:module';

// Makes what the libraries draw follow from how often they have drawn.
export function fixRandomness() {
  let draws = 0;
  const bytes = (n) => {
    const parts = [];
    for (let have = 0; have < n; have += 32) parts.push(crypto.createHash('sha256').update(`draw ${draws++}`).digest());
    return Buffer.concat(parts).subarray(0, n);
  };
  crypto.randomBytes = (n, done) => (done ? void process.nextTick(done, null, bytes(n)) : bytes(n));
  crypto.pseudoRandomBytes = crypto.randomBytes;
  syncBuiltinESMExports();
}
