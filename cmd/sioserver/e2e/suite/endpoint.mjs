// An endpoint for webhooks: it takes every batch and keeps the events.

import { createServer } from 'node:http';
import { until } from './wait.mjs';

export async function endpoint() {
  const events = [];
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (part) => (body += part));
    request.on('end', () => {
      events.push(...JSON.parse(body).events);
      response.end();
    });
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${server.address().port}/`,
    events,
    event: (type, ms) => until(() => events.find((e) => e.type === type), `event ${type}`, ms),
    close: () => new Promise((resolve) => {
      server.close(resolve);
      server.closeAllConnections();
    }),
  };
}
