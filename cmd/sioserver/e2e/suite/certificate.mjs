// A certificate for this machine, made when the suite runs: X.509 by hand (RFC 5280), signed by its own key.

import { generateKeyPairSync, randomBytes, sign } from 'node:crypto';

const DAY_MS = 86_400_000;

// DER: a tag, the length, the content.
function der(tag, ...parts) {
  const content = Buffer.concat(parts);
  if (content.length < 128) return Buffer.concat([Buffer.from([tag, content.length]), content]);
  const length = Buffer.from(content.length.toString(16).padStart(4, '0'), 'hex');
  return Buffer.concat([Buffer.from([tag, 0x82]), length, content]);
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

const extensions = explicit(
  3,
  sequence(
    // It is its own authority, for localhost, 127.0.0.1 and ::1.
    sequence(oid('551d13'), TRUE, octets(sequence(TRUE))),
    sequence(
      oid('551d11'),
      octets(
        sequence(
          der(0x82, Buffer.from('localhost')),
          der(0x87, Buffer.from([127, 0, 0, 1])),
          der(0x87, Buffer.from('00000000000000000000000000000001', 'hex')),
        ),
      ),
    ),
  ),
);

const pem = (label, bytes) => `-----BEGIN ${label}-----\n${bytes.toString('base64').replace(/.{1,64}/g, '$&\n')}-----END ${label}-----\n`;

// {cert, key} in PEM.
export function makeCertificate() {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const serial = randomBytes(8);
  serial[0] = 1; // neither negative nor padded
  const body = sequence(
    explicit(0, der(0x02, Buffer.from([2]))),
    der(0x02, serial),
    ecdsaWithSHA256,
    name,
    sequence(time(Date.now() - DAY_MS), time(Date.now() + DAY_MS)),
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
    extensions,
  );
  const signature = der(0x03, Buffer.from([0]), sign('sha256', body, privateKey));
  return {
    cert: pem('CERTIFICATE', sequence(body, ecdsaWithSHA256, signature)),
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }),
  };
}
