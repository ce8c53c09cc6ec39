// An authority of ACME (RFC 8555) on loopback, as small as a client needs it: it looks at a host by the challenge
// tls-alpn-01 (RFC 8737), and issues. It does not verify signatures of requests.

import { createHash, randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import { connect } from 'node:tls';
import { makeAuthority } from './certificate.mjs';

const sha256 = (text) => createHash('sha256').update(text).digest();
const decoded = (part) => (part ? JSON.parse(Buffer.from(part, 'base64url')) : null);

export class Authority {
  issued = []; // host names
  #own = makeAuthority();
  #orders = [];

  // `portOf` says at which port of loopback a host is looked for.
  static async start(portOf) {
    const authority = new Authority();
    authority.portOf = portOf;
    authority.server = createServer((req, res) => authority.#serve(req, res));
    await new Promise((resolve) => authority.server.listen(0, '127.0.0.1', resolve));
    authority.url = `http://127.0.0.1:${authority.server.address().port}`;
    return authority;
  }

  // Whom clients have to trust, in PEM.
  get root() {
    return this.#own.cert;
  }

  stop() {
    this.server.close();
    this.server.closeAllConnections();
  }

  async #serve(req, res) {
    let body = '';
    for await (const part of req) body += part;
    const { protected: head, payload } = body ? JSON.parse(body) : {};
    res.setHeader('Replay-Nonce', randomBytes(12).toString('base64url'));
    try {
      await this.#answer(req.url.split('/').slice(1), decoded(head), decoded(payload), res);
    } catch (err) {
      res.writeHead(400, { 'Content-Type': 'application/problem+json' });
      res.end(JSON.stringify({ type: 'urn:ietf:params:acme:error:malformed', detail: err.message }));
    }
  }

  async #answer([what, number], head, payload, res) {
    const order = this.#orders[number];
    const at = (path) => `${this.url}/${path}`;
    const say = (status, value, location) => {
      res.writeHead(status, { 'Content-Type': 'application/json', ...(location && { Location: location }) });
      res.end(JSON.stringify(value));
    };
    const shown = (i) => {
      const { host, status } = this.#orders[i];
      const done = status === 'valid' && { certificate: at(`certificate/${i}`) };
      return { status, identifiers: [{ type: 'dns', value: host }], authorizations: [at(`authorization/${i}`)], finalize: at(`finalize/${i}`), ...done };
    };
    const challenge = () => ({ type: 'tls-alpn-01', url: at(`challenge/${number}`), token: order.token, status: order.seen ? 'valid' : 'pending' });
    switch (what) {
      case 'directory':
        return say(200, { newNonce: at('nonce'), newAccount: at('account'), newOrder: at('order') });
      case 'nonce':
        return say(200, {});
      case 'account': {
        const { crv, kty, x, y } = head.jwk;
        this.thumbprint = sha256(JSON.stringify({ crv, kty, x, y })).toString('base64url');
        return say(201, { status: 'valid' }, at('account/0'));
      }
      case 'order':
        if (!order) {
          const i = this.#orders.push({ host: payload.identifiers[0].value, status: 'pending', token: randomBytes(16).toString('base64url') }) - 1;
          return say(201, shown(i), at(`order/${i}`));
        }
        return say(200, shown(number));
      case 'authorization':
        return say(200, { status: order.seen ? 'valid' : 'pending', identifier: { type: 'dns', value: order.host }, challenges: [challenge()] });
      case 'challenge':
        await this.#look(order);
        return say(200, challenge());
      case 'finalize':
        if (order.status !== 'ready') throw new Error(`the order is ${order.status}`);
        order.certificate = this.#own.issue(order.host, Buffer.from(payload.csr, 'base64url')) + this.root;
        order.status = 'valid';
        this.issued.push(order.host);
        return say(200, shown(number), at(`order/${number}`));
      case 'certificate':
        res.writeHead(200, { 'Content-Type': 'application/pem-certificate-chain' });
        return res.end(order.certificate);
      default:
        throw new Error(`no ${what}`);
    }
  }

  // The host must answer within TLS with a certificate that has the digest of the token and the account's key in it.
  async #look(order) {
    const options = { host: '127.0.0.1', port: this.portOf(order.host), servername: order.host, ALPNProtocols: ['acme-tls/1'], rejectUnauthorized: false };
    const certificate = await new Promise((resolve, reject) => {
      const conn = connect(options, () => {
        const ok = conn.alpnProtocol === 'acme-tls/1';
        ok ? resolve(conn.getPeerCertificate().raw) : reject(new Error(`the host speaks ${conn.alpnProtocol}`));
        conn.destroy();
      });
      conn.once('error', reject);
    });
    if (!certificate.includes(sha256(`${order.token}.${this.thumbprint}`))) throw new Error('another answer than to the challenge');
    order.seen = true;
    order.status = 'ready';
  }
}
