// Prints what the reference makes of packets and values, for the tests in ../../golden_test.go.
// Run: npm ci && npm run golden

import { createHash } from "node:crypto";
import { createRequire } from "node:module";

const require = createRequire(import.meta.url);
const notepack = require("notepack.io");
const browserEncode = require("notepack.io/browser/encode.js");
const parser = require("socket.io-msgpack-parser");
const parserV2 = require("socket.io-msgpack-parser-v2");

const hex = (b) => Buffer.from(b).toString("hex");
const encode = (packet) => new parser.Encoder().encode(packet)[0];

// The JSON of a value as a text packet would carry it: binary data as placeholders, in document order.
function jsonOf(value) {
  const bins = [];
  const swap = (v) => {
    if (v instanceof Date) return v;
    if (v instanceof ArrayBuffer || ArrayBuffer.isView(v)) {
      bins.push(hex(v instanceof ArrayBuffer ? v : v.buffer.slice(v.byteOffset, v.byteOffset + v.byteLength)));
      return { _placeholder: true, num: bins.length - 1 };
    }
    if (Array.isArray(v)) return v.map(swap);
    if (v !== null && typeof v === "object" && typeof v.toJSON !== "function")
      return Object.fromEntries(Object.entries(v).map(([k, m]) => [k, swap(m)]));
    return v;
  };
  const json = JSON.stringify(swap(value));
  return { json: json === undefined ? null : json, bins };
}

const buf = Buffer.from([1, 2, 3]);
const date = new Date("2024-02-29T12:34:56.789Z");

// Keys in the order in which server and client of version 4.8 build their packets; the server has two orders for some.
// differs: our encoder makes other bytes, as it writes the other order, or leaves undefined out, or the JSON does not hold
// all that the bytes do.
const packets = [
  ["server connect", "server", { type: 0, data: { sid: "wZX3oN0bSVIhsaknAAAI" }, nsp: "/" }],
  ["server connect, recovery", "server", { type: 0, data: { sid: "s1", pid: "p1" }, nsp: "/chat" }],
  ["server connect as it is sent without recovery", "server", { type: 0, data: { sid: "s1", pid: undefined }, nsp: "/" }, "differs"],
  ["server refuses by middleware", "server", { type: 4, data: { message: "nope", data: { code: 1 } }, nsp: "/no" }],
  ["server refuses unknown namespace", "server", { type: 4, nsp: "/no", data: { message: "Invalid namespace" } }, "differs"],
  ["server refuses with a string", "server", { type: 4, data: "Invalid namespace", nsp: "/no" }],
  ["server disconnects", "server", { type: 1, nsp: "/" }],
  ["server event", "server", { type: 2, data: ["hello"], nsp: "/" }],
  ["server event, arguments", "server", { type: 2, data: ["m", 1, "two", null, true, [1.5, { a: { b: [] } }]], nsp: "/chat" }],
  ["server event, ack", "server", { type: 2, data: ["x", 1], id: 0, nsp: "/" }],
  ["server event, large id", "server", { type: 2, data: ["x"], id: 70000, nsp: "/" }],
  ["server broadcast, ack", "server", { type: 2, data: ["b", 2], nsp: "/", id: 1 }, "differs"],
  ["server event, recovery offset", "server", { type: 2, data: ["room", { a: 1 }, "O180uhZ"], nsp: "/" }],
  ["server event, binary", "server", { type: 2, data: ["up", buf, { deep: [buf] }], nsp: "/" }],
  ["server event, date", "server", { type: 2, data: ["at", date], nsp: "/" }, "differs"],
  ["server event, undefined", "server", { type: 2, data: ["u", undefined, { a: undefined, b: 1 }], nsp: "/" }, "differs"],
  ["server event, 16 arguments", "server", { type: 2, data: ["many", ...Array(16).keys()], nsp: "/" }],
  ["server event, long namespace", "server", { type: 2, data: ["e"], nsp: "/" + "n".repeat(40) }],
  ["server event, not Latin", "server", { type: 2, data: ["сообщение", "日本語 🙂"], nsp: "/чат" }],
  ["server ack", "server", { id: 0, type: 3, data: [], nsp: "/" }],
  ["server ack, values", "server", { id: 456, type: 3, data: ["ok", buf], nsp: "/admin" }],
  ["server ack, largest id", "server", { id: Number.MAX_SAFE_INTEGER, type: 3, data: [], nsp: "/" }],
  ["client connect", "client", { type: 0, data: undefined, nsp: "/" }],
  ["client connect, options", "client", { type: 0, data: undefined, options: { compress: true }, nsp: "/" }],
  ["client connect, auth", "client", { type: 0, data: { token: "abc", n: 1 }, nsp: "/admin" }],
  ["client event", "client", { type: 2, data: ["e"], options: { compress: true }, nsp: "/" }],
  ["client event, ack", "client", { type: 2, data: ["e", date, buf], options: { compress: false }, id: 3, nsp: "/" }],
  ["client event, id undefined", "client", { type: 2, data: ["e"], id: undefined, nsp: "/" }],
  ["client event, integer name", "client", { type: 2, data: [42, "x"], nsp: "/" }],
  ["client ack", "client", { type: 3, id: 7, data: ["r"], nsp: "/" }],
  ["client disconnects", "client", { type: 1, nsp: "/chat" }],
].map(([name, from, p, differs]) => ({
  name, from, type: p.type, nsp: p.nsp, id: p.id, ...jsonOf(p.data), same: from === "server" && !differs, hex: hex(encode(p)),
}));

const integers = new Set([
  0, 1, 127, 128, 255, 256, 65535, 65536, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1, 2 ** 53,
].flatMap((n) => [n, -n - 1, -n]).concat(-32, -33, -32768, -32769));
const text = (n) => "x".repeat(n);
const list = (n) => Array(n).fill(7);
const map = (n) => Object.fromEntries([...Array(n).keys()].map((k) => ["k" + k, k]));
const bin = (n) => Buffer.alloc(n, 1);

// same: our encoder must make the same bytes out of the JSON.
const values = [
  ...[...integers].map((n) => [`integer ${Object.is(n, -0) ? "-0" : n}`, n, true]),
  ...[1.5, -0.1, 1e-7, 5e-324, 123456789.125].map((n) => [`float ${n}`, n, true]),
  ["NaN", NaN], ["Infinity", Infinity], ["-Infinity", -Infinity],
  ["null", null, true], ["true", true, true], ["false", false, true], ["undefined", undefined],
  ...[0, 1, 31, 32, 255, 256].flatMap((n) => [[`string of ${n}`, text(n), true], [`bin of ${n}`, bin(n), true]]),
  ...["é", "日本", "🙂", "\u0000\u001f\"\\/\b\f\n\r\t\u2028", "й".repeat(20)].map((s) => [`string ${JSON.stringify(s)}`, s, true]),
  ...[0, 15, 16].flatMap((n) => [[`array of ${n}`, list(n), true], [`map of ${n}`, map(n), true]]),
  ["nested", { z: [{ a: [[]] }, {}], a: { 10: 1, b: null } }, true],
  ["keys", { "": 0, "a b": 1, __proto__x: 2, "ключ": 3 }, true],
  ["date", date], ["date 1970", new Date(0)], ["date before 1970", new Date(-1)],
  ["date far", new Date(8.64e15)], ["date long ago", new Date(-8.64e15)],
  ["date year 10000", new Date(253402300800000)], ["date year -1", new Date(-62198755200000)],
  ["ArrayBuffer", new ArrayBuffer(2)], ["ArrayBuffer of 8", new ArrayBuffer(8)], ["Uint8Array", new Uint8Array([1, 2, 3])],
  ["ArrayBuffer of 256", new ArrayBuffer(256)],
  ["toJSON", { toJSON: () => ({ a: 1 }) }, true],
].map(([name, v, same]) => ({ name, ...jsonOf(v), same: !!same, hex: hex(notepack.encode(v)) }));
// Of an ArrayBuffer the browser's build makes the same as Node's of a Buffer.
values.push({ name: "ArrayBuffer in a browser", json: '{"_placeholder":true,"num":0}', bins: ["0000"], same: true, hex: hex(browserEncode(new ArrayBuffer(2))) });

const large = [65535, 65536].flatMap((n) =>
  [["string", text], ["bin", bin], ["array", list], ["map", map]].map(([kind, make]) => {
    const b = notepack.encode(make(n));
    return { kind, n, head: hex(b.subarray(0, 5)), length: b.length, sha256: createHash("sha256").update(b).digest("hex") };
  }));

// Messages with a fault, or with what only our reader minds.
const t = "a474797065", d = "a464617461", ns = "a36e7370", id = "a26964", root = ns + "a12f";
const event = (data, rest = "") => `8${rest ? 4 : 3}${t}02${d}${data}${root}${rest}`;
const checks = new Set(["invalid packet type", "invalid namespace", "invalid payload", "invalid packet id"]);
const judged = Object.entries({
  "empty message": "",
  "no map": "93010203",
  "nil": "c0",
  "text": Buffer.from('2["x"]').toString("hex"),
  "never used code": "c1",
  "map without members": "80",
  "no type": `82${d}90${root}`,
  "type 5": `83${t}05${d}91a161${root}`,
  "type -1": `83${t}ff${d}91a161${root}`,
  "type nil": `83${t}c0${d}91a161${root}`,
  "type string": `83${t}a132${d}91a161${root}`,
  "type 2.5": `83${t}cb4004000000000000${d}91a161${root}`,
  "type 2.0": `83${t}cb4000000000000000${d}91a161${root}`,
  "type in a wide form": `83${t}cf0000000000000002${d}91a161${root}`,
  "no nsp": `82${t}02${d}91a161`,
  "nsp nil": `83${t}02${d}91a161${ns}c0`,
  "nsp undefined": `83${t}02${d}91a161${ns}d40000`,
  "nsp number": `83${t}02${d}91a161${ns}01`,
  "nsp binary": `83${t}02${d}91a161${ns}c4012f`,
  "nsp empty": `83${t}02${d}91a161${ns}a0`,
  "nsp without slash": `83${t}02${d}91a161${ns}a163`,
  "nsp with comma": `83${t}02${d}91a161${ns}a42f612c62`,
  "nsp in a wide form": `83${t}02${d}91a161${ns}db000000012f`,
  "connect nil": `83${t}00${d}c0${root}`,
  "connect array": `83${t}00${d}90${root}`,
  "connect string": `83${t}00${d}a161${root}`,
  "connect date": `83${t}00${d}d7000000000000000005${root}`,
  "connect with id": `83${t}00${root}${id}01`,
  "disconnect map": `83${t}01${d}80${root}`,
  "disconnect nil": `83${t}01${d}c0${root}`,
  "disconnect undefined": `83${t}01${d}d40000${root}`,
  "disconnect with id": `83${t}01${root}${id}01`,
  "connect_error without data": `82${t}04${root}`,
  "connect_error nil": `83${t}04${d}c0${root}`,
  "connect_error array": `83${t}04${d}90${root}`,
  "connect_error string": `83${t}04${d}a161${root}`,
  "event without data": `82${t}02${root}`,
  "event undefined": event("d40000"),
  "event nil": event("c0"),
  "event map": event("80"),
  "event string": event("a161"),
  "event empty": event("90"),
  "event name nil": event("91c0"),
  "event name undefined": event("91d40000"),
  "event name map": event("9180"),
  "event name array": event("9190"),
  "event name bool": event("91c3"),
  "event name binary": event("91c40161"),
  "event name date": event("91d7000000000000000005"),
  "event name float": event("91cb3ff8000000000000"),
  "event name negative": event("91ff"),
  "event name 2^53": event("91cf0020000000000000"),
  "event name 2^53-1": event("91cf001fffffffffffff"),
  "event name 0": event("9100"),
  "event name empty": event("91a0"),
  "event name error": event("91a56572726f72"),
  ...Object.fromEntries(["connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"].map((n) =>
    [`event name ${n}`, event("91" + hex(notepack.encode(n)))])),
  "event name disconnect in a wide form": event("91d90a" + Buffer.from("disconnect").toString("hex")),
  "ack without id": `83${t}03${d}90${root}`,
  "ack nil": `84${t}03${d}c0${root}${id}01`,
  "ack string": `84${t}03${d}a161${root}${id}01`,
  "ack undefined": `84${t}03${d}d40000${root}${id}01`,
  "id nil": event("91a161", id + "c0"),
  "id undefined": event("91a161", id + "d40000"),
  "id string": event("91a161", id + "a131"),
  "id 1.5": event("91a161", id + "cb3ff8000000000000"),
  "id 1.0": event("91a161", id + "cb3ff0000000000000"),
  "id -1": event("91a161", id + "ff"),
  "id 2^53-1": event("91a161", id + "cf001fffffffffffff"),
  "id 2^53": event("91a161", id + "cf0020000000000000"),
  "id 2^64-1": event("91a161", id + "cfffffffffffffffff"),
  "id infinite": event("91a161", id + "cb7ff0000000000000"),
  "id twice": `85${t}02${d}91a161${root}${id}01${id}02`,
  "type twice": `84${t}02${t}03${d}91a161${root}`,
  "data twice": `84${t}02${d}91a161${d}91a162${root}`,
  "unknown keys": `86${t}02${d}91a161${root}a178c0a1799301020305c3`,
  "unknown key with depth": `84${t}02${d}91a161${root}a178${"91".repeat(70)}90`,
  "33 keys": `de0021${t}02${d}91a161${root}${[...Array(30).keys()].map((k) => "a3" + Buffer.from(String(100 + k)).toString("hex") + "01").join("")}`,
  "keys of any order": `85${root}${id}05a178c3${d}91a161${t}02`,
  "key nil": `84${t}02${d}91a161${root}c001`,
  "key map": `84${t}02${d}91a161${root}8001`,
  "map key nil": event("92a16181c001"),
  "map key bool": event("92a16181c301"),
  "map key float": event("92a16181cb3ff800000000000001"),
  "map key integer": event("92a161820501ff02"),
  "map key uint64": event("92a16181cfffffffffffffffff01"),
  "map key binary": event("92a16181c4017801"),
  "map key twice": event("92a16182a16201a16202"),
  "map key __proto__": event("92a16181a95f5f70726f746f5f5f80"),
  "trailing byte": event("91a161") + "00",
  "trailing packet": event("91a161") + event("91a161"),
  "string of 2^32-1, one byte there": `83${root}${t}02${d}92a161dbffffffff61`,
  "binary of 2^32-1, one byte there": `83${root}${t}02${d}92a161c6ffffffff61`,
  "extension of 2^32-1, one byte there": `83${root}${t}02${d}92a161c9ffffffff0061`,
  "array of 2^16-1, one there": `83${root}${t}02${d}dcffffa161`,
  "map of 2^16-1, one there": `83${root}${t}02${d}92a161deffffa16100`,
  "packet of 2^16-1 members": `deffff${t}02${d}91a161${root}`,
  "length cut": `83${root}${t}02${d}92a161db0000`,
  "fixext cut": `83${root}${t}02${d}92a161d80501`,
  "extension type cut": `83${root}${t}02${d}92a161c701`,
  "not UTF-8": event("92a161a1ff"),
  "not UTF-8, surrogate": event("92a161a3eda080"),
  "not UTF-8, overlong": event("92a161a2c080"),
  "not UTF-8, name": event("91a1ff"),
  "not UTF-8, nsp": `83${t}02${d}91a161${ns}a22fff`,
  "not UTF-8, unknown key": `84${t}02${d}91a161${root}a1ff01`,
  "not UTF-8, long": event("92a161b0" + "61".repeat(15) + "ff"),
  "undefined of another byte": event("92a161d40007"),
  "extension 5": event("92a161d505aabb"),
  "extension -128": event("92a161c70380aabbcc"),
  "extension 0 of two bytes": event("92a161d500aabb"),
  "timestamp": event("92a161d6ff00000001"),
  "timestamp of another length": event("92a161c702ff0001"),
  "float32": event("92a161ca3fc00000"),
  "depth 64": event("92a161" + "91".repeat(62) + "90"),
  "depth 65": event("92a161" + "91".repeat(63) + "90"),
}).map(([name, h]) => {
  const decoder = new parser.Decoder();
  const out = { name, hex: h };
  decoder.on("decoded", (p) => {
    out.accepted = true;
    Object.assign(out, jsonOf(p.data));
  });
  try {
    decoder.add(Buffer.from(h, "hex"));
  } catch (e) {
    out.error = checks.has(e.message) || /^\d+ trailing bytes$/.test(e.message) ? e.message : "Could not parse";
  }
  return out;
});

const v2 = [
  ["connect", { type: 0, nsp: "/" }],
  ["connect with query", { type: 0, query: "a=b", nsp: "/chat?a=b" }],
  ["disconnect", { type: 1, nsp: "/chat" }],
  ["error", { type: 4, data: "Invalid namespace", nsp: "/no" }],
  ["event", { type: 2, data: ["e", 1], options: { compress: true }, nsp: "/" }],
  ["event with ack", { type: 2, data: ["e"], options: { compress: true }, id: 4, nsp: "/" }],
  ["binary event", { type: 5, data: ["e", buf], options: { compress: true }, nsp: "/" }],
  ["ack", { type: 3, id: 1, data: [], nsp: "/" }],
  ["binary ack", { type: 6, id: 1, data: [buf], nsp: "/" }],
].map(([name, p]) => {
  let out;
  new parserV2.Encoder().encode(p, (encoded) => (out = encoded[0]));
  const form = typeof out === "string" ? { text: out } : { hex: hex(out) };
  return { name, type: p.type, nsp: p.nsp, id: p.id, ...jsonOf(p.data), ...form };
});

const rows = (list) => "[\n" + list.map((x) => JSON.stringify(x)).join(",\n") + "\n]";
const versions = Object.fromEntries(["notepack.io", "socket.io-msgpack-parser", "socket.io-msgpack-parser-v2"].map((n) => [n, require(n + "/package.json").version]));
const parts = { packets, values, large, judged, v2 };
console.log(`{"versions":${JSON.stringify(versions)},\n` + Object.entries(parts).map(([k, v]) => `"${k}":${rows(v)}`).join(",\n") + "}");
