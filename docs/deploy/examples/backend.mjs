// A backend for sioserver with nothing but Node.js: it answers hooks, takes webhooks, and publishes.
//
//   SIO_SECRET=whsec_... SIO_KEY=sk_... node backend.mjs 8000

import { createHmac, timingSafeEqual } from 'node:crypto';
import { appendFileSync } from 'node:fs';
import { createServer } from 'node:http';

const API = process.env.SIO_API ?? 'http://127.0.0.1:3001';
const key = Buffer.from(process.env.SIO_SECRET.replace('whsec_', ''), 'base64');

// Whether a request comes from our server: the scheme of Standard Webhooks.
function signed(raw, headers) {
  const at = headers['webhook-timestamp'];
  const mac = Buffer.from(`v1,${createHmac('sha256', key).update(`${headers['webhook-id']}.${at}.`).update(raw).digest('base64')}`);
  const given = (headers['webhook-signature'] ?? '').split(' ').map((s) => Buffer.from(s));
  return Math.abs(Date.now() / 1000 - at) < 300 && given.some((s) => s.length === mac.length && timingSafeEqual(s, mac));
}

// Publishes over the API, and returns its result: with "ack" the answers of the clients.
async function emit(message) {
  const answer = await fetch(`${API}/api/v1/emit`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${process.env.SIO_KEY}`, 'Content-Type': 'application/json' },
    body: JSON.stringify(message),
  });
  if (!answer.ok) throw new Error(await answer.text());
  return (await answer.json()).result;
}

const hooks = {
  // Who a client is. A real backend looks its session up; this one believes the name in auth.
  connect({ auth }) {
    const name = auth?.name;
    if (!name) return { allow: false, error: { message: 'tell your name' } };
    return { allow: true, user: name, data: { name }, meta: { plan: 'pro' } };
  },

  // An event of a client: the answer is its acknowledgement, and what is to happen besides.
  async event({ event, args, user, meta }) {
    if (event === 'order.create') {
      const order = { id: 981, sku: args[0].sku, by: user, plan: meta.plan };
      return { ack: [order], join: ['order:981'], emit: [{ to: ['staff'], event: 'order.created', args: [order] }] };
    }
    if (event === 'order.confirm') {
      // The server does not wait: an event that asks others takes its time, others go on.
      const answers = await emit({ users: [args[0].user], event: 'confirm', args: [{ order: 981 }], ack: { timeout_ms: 5000 } });
      return { ack: [answers.acks] };
    }
    return { ack: [{ error: { code: 'unknown_event', message: event } }] };
  },

  join: ({ room, user }) => ({ allow: room === 'staff' && user === 'ada' }),
};

// A batch of webhooks: remembered, in a file here.
function remember(events) {
  const path = process.env.SIO_EVENTS;
  if (path) appendFileSync(path, events.map((e) => `${JSON.stringify(e)}\n`).join(''));
}

createServer(async (req, res) => {
  const parts = [];
  for await (const part of req) parts.push(part);
  const raw = Buffer.concat(parts);
  const reply = (status, body) => res.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(body));
  if (!signed(raw, req.headers)) return reply(401, {});
  try {
    const m = JSON.parse(raw);
    if (m.hook) return reply(200, await hooks[m.hook](m));
    remember(m.events ?? []);
    reply(200, {});
  } catch (err) {
    console.error(err); // the server calls again, or answers the client as hooks.*.on_failure says
    reply(500, {});
  }
}).listen(Number(process.argv[2]), '127.0.0.1');
