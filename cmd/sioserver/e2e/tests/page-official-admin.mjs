// The official admin UI in Chromium, as a page of its own origin, connected to the server.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { dirname, extname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { Browser, shows } from '../suite/browser.mjs';
import { connect } from '../suite/client.mjs';
import { startOperator } from '../suite/operator.mjs';

const DIST = join(dirname(createRequire(import.meta.url).resolve('@socket.io/admin-ui/package.json')), 'ui/dist');
const TYPES = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml' };
// Of "changeit", cost 4: what is tested is not how long it takes.
const HASH = '$2a$04$eJel8Z.EalapKWIj5xy7QusoJP7UVPs4deIYbZoNGM9WVQbuWrOT.';

let files;
let server;
let browser;
before(async () => {
  files = createServer(async (req, res) => {
    const path = new URL(req.url, 'http://x').pathname;
    const file = extname(path) ? path : '/index.html';
    try {
      const body = await readFile(join(DIST, file));
      res.writeHead(200, { 'Content-Type': TYPES[extname(file)] ?? 'application/octet-stream' }).end(body);
    } catch {
      res.writeHead(404).end();
    }
  });
  await new Promise((resolve) => files.listen(0, '127.0.0.1', resolve));
  files.url = `http://127.0.0.1:${files.address().port}`;
  server = await startOperator({
    auth: { required: false, allowed_origins: [files.url] },
    control: { instrument: { enabled: true, username: 'admin', password: HASH, mode: 'development' } },
    namespaces: [{ name: '/' }, { name: '/chat' }],
  });
  browser = await Browser.start();
});
after(async () => {
  await browser?.stop();
  await server?.stop();
  files?.close();
});

test('official admin UI: logs in, lists servers, sockets and rooms, and disconnects one', async () => {
  const client = await connect(server, 'websocket', { nsp: '/chat' });
  const page = await browser.context.newPage();
  await page.goto(files.url);
  await page.getByLabel('Server URL').fill(server.url);
  await page.getByLabel('Username').fill('admin');
  await page.getByLabel('Password').fill('changeit');
  await page.getByRole('button', { name: 'Connect' }).click();
  await shows(page, 'body', /\/chat/);
  await page.goto(`${files.url}/#/sockets/`);
  await shows(page, 'body', new RegExp(client.id));
  await page.goto(`${files.url}/#/servers/`);
  await shows(page, 'body', /Healthy/);
  await page.close();
});
