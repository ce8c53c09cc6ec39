// Rooms, connections, slow consumers: found by the server, page by page.

import { h, table, field, number, bytes, when } from "./dom.js";
import { get, post } from "./api.js";
import { can, complain, every } from "./app.js";

/** A list with a form of filters and a button for more. */
function list(main, title, params, fields, load) {
  const out = h("div");
  let rows = [];
  const read = async (more) => {
    try {
      const values = Object.fromEntries(new FormData(form));
      const page = await load(values, more);
      rows = more ? [...rows, ...page.items] : page.items;
      out.replaceChildren(page.show(rows),
        page.next ? h("button", { type: "button", onclick: () => read(page.next) }, "More") : h("p", { class: "note" }, `${number(rows.length)} shown, no more`));
    } catch (err) { complain(err); }
  };
  const form = h("form", { role: "search", onsubmit: (e) => { e.preventDefault(); read(); } },
    fields.map(([label, name, attrs]) => field(label, { name, value: params[name] ?? "", ...attrs })), h("button", {}, "Find"));
  main.append(h("h1", {}, title), form, out);
  read();
  return read;
}

export function rooms(main, params) {
  const top = h("div");
  main.append(top);
  const stop = every(10_000, async () => {
    const { items } = await get("namespaces");
    top.replaceChildren(table("Namespaces", [
      { title: "Namespace", id: true, cell: (n) => h("a", { href: `#/rooms?namespace=${encodeURIComponent(n.namespace)}` }, n.namespace) },
      { title: "Sockets", n: true, cell: (n) => number(n.sockets) },
    ], items));
  });
  list(main, "Namespaces and rooms", { namespace: "/", ...params }, [
    ["Namespace", "namespace"], ["Room begins with", "prefix"], ["Sockets at least", "min_sockets", { type: "number", min: 0 }],
  ], async (values, cursor) => ({
    ...await get("rooms", { ...values, cursor, limit: 100 }),
    show: (rows) => table("Rooms", [
      { title: "Room", id: true, cell: (r) => h("a", { href: `#/sockets?${new URLSearchParams({ namespace: values.namespace, room: r.room })}` }, r.room) },
      { title: "Sockets", n: true, cell: (r) => number(r.sockets) },
      { title: "Users", n: true, cell: (r) => number(r.users) },
    ], rows),
  }));
  main.append(top); // below the rooms
  return stop;
}

export function sockets(main, params) {
  if (params.sid) return one(main, params.sid);
  list(main, "Connections", { namespace: "/", ...params }, [
    ["Namespace", "namespace"], ["User", "user"], ["Room", "room"], ["Address", "ip"], ["Socket id", "sid"],
  ], async (values, cursor) => {
    if (values.sid) { location.hash = `#/sockets?sid=${encodeURIComponent(values.sid)}`; return { items: [], show: () => h("p") }; }
    return { ...await get("sockets", { ...values, cursor, limit: 50 }), show: (rows) => table("Sockets", columns, rows) };
  });
}

const columns = [
  { title: "Socket", id: true, cell: (s) => h("a", { href: `#/sockets?sid=${encodeURIComponent(s.sid)}` }, s.sid) },
  { title: "User", cell: (s) => s.user ?? "–" },
  { title: "Namespace", id: true, cell: (s) => s.namespace },
  { title: "Transport", cell: (s) => s.transport },
  { title: "Address", id: true, cell: (s) => s.ip ?? "–" },
  { title: "Since", cell: (s) => when(s.connected_at) },
  { title: "Waiting", n: true, cell: (s) => bytes(s.pending_bytes) },
];

function one(main, sid) {
  const out = h("div");
  const act = (what, body, question) => async () => {
    if (!confirm(question)) return;
    try {
      await post(what, body);
      location.hash = "#/sockets";
    } catch (err) { complain(err); }
  };
  main.append(h("h1", {}, "Connection"), out);
  get(`sockets/${encodeURIComponent(sid)}`).then((s) => {
    const at = { namespace: s.namespace, to: [s.sid] };
    out.append(
      table(s.sid, columns.slice(1), [s]),
      h("h2", {}, "Rooms"), h("ul", {}, (s.rooms ?? []).map((r) => h("li", {}, h("a", { href: `#/sockets?${new URLSearchParams({ namespace: s.namespace, room: r })}` }, r)))),
      h("h2", {}, "Data"), h("pre", {}, JSON.stringify(s.data ?? null, null, 2)),
      h("p", {},
        h("button", { type: "button", disabled: !can("manage"), onclick: act("disconnect", { ...at, mode: "reconnect" }, `Close the transport of ${sid}? Its client comes back by itself.`) }, "Reconnect"), " ",
        h("button", { type: "button", class: "danger", disabled: !can("manage"), onclick: act("disconnect", { ...at, mode: "kick" }, `Disconnect ${sid}? Its client stays away until it is told to connect again.`) }, "Kick")));
  }).catch(complain);
}

export function slow(main) {
  const out = h("div");
  main.append(h("h1", {}, "Slow consumers"), h("p", { class: "note" }, "Clients for which bytes wait that the kernel has not taken, the most first."), out);
  return every(2000, async () => {
    const { items, policy } = await get("slow", { limit: 100 });
    out.replaceChildren(h("p", { class: "note" }, `Policy: ${policy}.`), items.length ? table("Slow consumers", [
      { title: "Socket", id: true, cell: (s) => h("a", { href: `#/sockets?sid=${encodeURIComponent(s.sid)}` }, s.sid) },
      { title: "User", cell: (s) => s.user ?? "–" },
      { title: "Waiting", n: true, cell: (s) => bytes(s.pending_bytes) },
      { title: "Stalled, ms", n: true, cell: (s) => number(s.stalled_ms) },
      { title: "Dropped", n: true, cell: (s) => number(s.dropped) },
    ], items) : h("p", {}, "None."));
  });
}
