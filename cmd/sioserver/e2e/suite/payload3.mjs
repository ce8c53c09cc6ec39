// Payloads of Engine.IO 3: the form of texts with lengths, and the binary form.

// Lengths count UTF-16 code units, as JavaScript strings do.
export const text = (...list) => list.map((packet) => `${packet.length}:${packet}`).join('');

export function readText(body) {
  const list = [];
  for (let at = 0; at < body.length; ) {
    const colon = body.indexOf(':', at);
    const end = colon + 1 + Number(body.slice(at, colon));
    if (colon < 0 || !(end <= body.length)) throw new Error(`no payload: ${JSON.stringify(body)}`);
    list.push(body.slice(colon + 1, end));
    at = end;
  }
  return list;
}

// Strings are text packets; buffers are binary messages, whose type is added.
export function binary(...list) {
  const pieces = list.map((packet) => {
    const isText = typeof packet === 'string';
    const body = isText ? Buffer.from(packet) : Buffer.concat([Buffer.from([4]), packet]);
    return Buffer.concat([Buffer.from([isText ? 0 : 1, ...digits(body.length), 0xff]), body]);
  });
  return Buffer.concat(pieces);
}

const digits = (n) => [...String(n)].map(Number);

export function readBinary(body) {
  const list = [];
  for (let at = 0; at < body.length; ) {
    const mark = body.indexOf(0xff, at);
    const from = mark + 1;
    const end = from + Number([...body.subarray(at + 1, mark)].join(''));
    if (mark < 0 || !(end <= body.length) || body[at] > 1) throw new Error(`no payload: ${body.toString('hex')}`);
    list.push(body[at] === 0 ? body.toString('utf8', from, end) : body.subarray(from + 1, end));
    at = end;
  }
  return list;
}
