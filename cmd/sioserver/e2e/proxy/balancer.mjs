// The recipes of docs/deploy/balancers, run by the real programs in front of two servers.

import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort } from '../suite/server.mjs';
import { until } from '../suite/wait.mjs';

const START_MS = 30_000;

// What stands around a recipe at a site: what the distribution's own configuration has, with files in a directory of ours.
const AROUND = {
  'nginx.conf': (dir) => `daemon off; master_process off; pid ${dir}/pid; error_log stderr crit;
events { worker_connections 4096; }
http {
  access_log off;
  ${['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${dir}/${name};`).join(' ')}
  include ${dir}/recipe;
}`,
  'haproxy.cfg': () => 'global\n  maxconn 4096\ndefaults\n  timeout client 120s\n  timeout connect 5s\n  timeout server 120s\n',
};

const RUN = {
  nginx: (dir) => ['nginx', '-p', dir, '-c', `${dir}/nginx.conf`, '-e', 'stderr'],
  haproxy: (dir) => ['haproxy', '-db', '-q', '-f', `${dir}/haproxy.cfg`, '-f', `${dir}/recipe`],
};

const listens = (port) =>
  new Promise((resolve) => {
    const probe = connect(port, '127.0.0.1', () => {
      probe.destroy();
      resolve(true);
    }).once('error', () => resolve(false));
  });

// Starts a balancer with a recipe, changed by `change`, for two servers. The addresses in it are put in the place of
// those that it has.
export async function startBalancer(recipe, [one, two], change = (text) => text) {
  const program = recipe.startsWith('nginx') ? 'nginx' : 'haproxy';
  const around = program === 'nginx' ? 'nginx.conf' : 'haproxy.cfg';
  const dir = await mkdtemp(join(tmpdir(), 'sio-balancer-'));
  const port = await freePort();
  let text = change(await readFile(fileURLToPath(new URL(`../../../../docs/deploy/balancers/${recipe}`, import.meta.url)), 'utf8'));
  for (const [there, here] of [['192.0.2.1:80', `127.0.0.1:${port}`], ['10.0.0.1:3000', one.host], ['10.0.0.2:3000', two.host]]) {
    if (!text.includes(there)) throw new Error(`${recipe} has no ${there}`);
    text = text.replaceAll(there, here);
  }
  await writeFile(join(dir, 'recipe'), text);
  await writeFile(join(dir, around), AROUND[around](dir));
  const [command, ...args] = RUN[program](dir);
  // It dies with this process, however that ends.
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', command, ...args], { stdio: ['ignore', 'inherit', 'inherit'] });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  const failed = ended.then((code) => {
    throw new Error(`${program} ended with status ${code}`);
  });
  failed.catch(() => {});
  await Promise.race([until(() => listens(port), `${program} at port ${port}`, START_MS), failed]);
  return {
    url: `http://127.0.0.1:${port}`,
    async stop() {
      child.kill('SIGKILL');
      await ended;
      await rm(dir, { recursive: true });
    },
  };
}
