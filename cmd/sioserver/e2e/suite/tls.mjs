// Runs a command, the suite or a part of it, with a certificate that servers under test serve with and clients trust.

import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeCertificate } from './certificate.mjs';

const dir = mkdtempSync(join(tmpdir(), 'sio-tls-'));
process.on('exit', () => rmSync(dir, { recursive: true }));
const files = { cert: join(dir, 'cert.pem'), key: join(dir, 'key.pem') };
for (const [kind, text] of Object.entries(makeCertificate())) writeFileSync(files[kind], text, { mode: 0o600 });

const [command, ...args] = process.argv.slice(2);
const env = { ...process.env, SIO_TLS_CERT: files.cert, SIO_TLS_KEY: files.key, NODE_EXTRA_CA_CERTS: files.cert };
const child = spawn(command, args, { env, stdio: 'inherit' });
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP']) process.on(signal, () => child.kill(signal));
child.once('error', (err) => {
  console.error(err.message);
  process.exitCode = 1;
});
child.once('exit', (code, signal) => (process.exitCode = signal ? 1 : code));
