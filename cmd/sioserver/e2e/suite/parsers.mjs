// Parsers of CONTRACT.md that users make themselves, for official clients and the official server.

import { EventEmitter } from 'node:events';
import * as json from 'socket.io-parser';

const isObject = (data) => data === undefined || (typeof data === 'object' && data !== null);

// Whether the data of a packet fits its type: CONNECT, DISCONNECT, EVENT, ACK, CONNECT_ERROR.
const FITS = [isObject, (data) => data === undefined, (data) => Array.isArray(data) && data.length > 0, Array.isArray, isObject];

class Encoder {
  encode(packet) {
    return [JSON.stringify(packet)];
  }
}

class Decoder extends EventEmitter {
  add(chunk) {
    const packet = JSON.parse(chunk);
    if (typeof packet.nsp !== 'string' || !FITS[packet.type]?.(packet.data)) throw new Error('invalid format');
    this.emit('decoded', packet);
  }

  destroy() {}
}

// Each packet is a JSON object, as the official documentation has it.
export const object = { Encoder, Decoder };

const turn = (chunk) => (typeof chunk === 'string' ? [...chunk].reverse().join('') : Buffer.from(chunk).reverse());

class MirrorEncoder extends json.Encoder {
  encode(packet) {
    return super.encode(packet).map(turn);
  }
}

class MirrorDecoder extends json.Decoder {
  add(chunk) {
    super.add(turn(chunk));
  }
}

// What the default parser writes, backwards.
export const mirror = { Encoder: MirrorEncoder, Decoder: MirrorDecoder };
