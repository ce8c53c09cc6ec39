// Certificates, made when the suite runs: X.509 by hand (RFC 5280). One for this machine, signed by its own key, and those
// of an authority.

import { generateKeyPairSync, randomBytes, sign } from 'node:crypto';

const DAY_MS = 86_400_000;
const DAYS = 60; // or autocert would renew at once

// DER: a tag, the length, the content.
function der(tag, ...parts) {
  const content = Buffer.concat(parts);
  if (content.length < 128) return Buffer.concat([Buffer.from([tag, content.length]), content]);
  const hex = content.length.toString(16);
  const length = Buffer.from(hex.padStart(hex.length + (hex.length % 2), '0'), 'hex');
  return Buffer.concat([Buffer.from([tag, 0x80 + length.length]), length, content]);
}

const sequence = (...parts) => der(0x30, ...parts);
const set = (...parts) => der(0x31, ...parts);
const octets = (...parts) => der(0x04, ...parts);
const oid = (hex) => der(0x06, Buffer.from(hex, 'hex'));
const time = (ms) => der(0x17, Buffer.from(new Date(ms).toISOString().replace(/[-:T]|\.\d+/g, '').slice(2)));
const explicit = (n, ...parts) => der(0xa0 + n, ...parts);
const TRUE = der(0x01, Buffer.from([0xff]));

const ecdsaWithSHA256 = sequence(oid('2a8648ce3d040302'));
const name = sequence(set(sequence(oid('550403'), der(0x0c, Buffer.from('sioserver e2e')))));

// Names of this machine.
const OWN = [
  der(0x82, Buffer.from('localhost')),
  der(0x87, Buffer.from([127, 0, 0, 1])),
  der(0x87, Buffer.from('00000000000000000000000000000001', 'hex')),
];

const extensions = (names, authority) =>
  explicit(
    3,
    sequence(
      ...(authority ? [sequence(oid('551d13'), TRUE, octets(sequence(TRUE)))] : []),
      sequence(oid('551d11'), octets(sequence(...names))),
    ),
  );

const pem = (label, bytes) => `-----BEGIN ${label}-----\n${bytes.toString('base64').replace(/.{1,64}/g, '$&\n')}-----END ${label}-----\n`;

// A certificate in PEM for names and a public key (SubjectPublicKeyInfo), signed with a private key. Subjects differ from
// their issuers.
function certify(names, spki, privateKey, { authority = false, subject = name } = {}) {
  const serial = randomBytes(8);
  serial[0] = 1; // neither negative nor padded
  const body = sequence(
    explicit(0, der(0x02, Buffer.from([2]))),
    der(0x02, serial),
    ecdsaWithSHA256,
    name,
    sequence(time(Date.now() - DAY_MS), time(Date.now() + DAYS * DAY_MS)),
    subject,
    spki,
    extensions(names, authority),
  );
  const signature = der(0x03, Buffer.from([0]), sign('sha256', body, privateKey));
  return pem('CERTIFICATE', sequence(body, ecdsaWithSHA256, signature));
}

// {cert, key} in PEM, for this machine and its own authority.
export function makeCertificate() {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return {
    cert: certify(OWN, publicKey.export({ type: 'spki', format: 'der' }), privateKey, { authority: true }),
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }),
  };
}

// The items of a sequence, each with its head.
function items(bytes) {
  const list = [];
  const content = (at) => {
    const short = bytes[at + 1];
    if (short < 0x80) return [at + 2, short];
    const n = short & 0x7f;
    return [at + 2 + n, bytes.readUIntBE(at + 2, n)];
  };
  let [at, length] = content(0);
  for (const end = at + length; at < end; ) {
    const [from, size] = content(at);
    list.push(bytes.subarray(at, from + size));
    at = from + size;
  }
  return list;
}

// An authority: `cert` is whom to trust, `issue` makes a certificate for a name from a request in DER (PKCS #10).
export function makeAuthority() {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return {
    cert: certify([der(0x82, Buffer.from('authority.test'))], publicKey.export({ type: 'spki', format: 'der' }), privateKey, { authority: true }),
    issue: (host, request) => {
      const [info] = items(request);
      const [, , spki] = items(info); // behind the version and the subject
      const subject = sequence(set(sequence(oid('550403'), der(0x0c, Buffer.from(host)))));
      return certify([der(0x82, Buffer.from(host))], spki, privateKey, { subject });
    },
  };
}
