// Live tail: what happens, as it happens, a bounded part of it.

import { h, field, number } from "./dom.js";
import { events } from "./api.js";

// The stream names its events by their types, and a listener must name them too.
const types = [
  "socket.connected", "socket.disconnected", "user.online", "user.offline", "room.occupied", "room.vacated", "member.joined", "member.left",
  "event.received", "connection.refused", "slow_consumer.detected", "slow_consumer.closed", "node.started", "node.heartbeat", "node.draining", "node.stopped", "webhook.dropped",
];
const most = 500; // lines kept
const perSecond = 200; // lines taken; more is counted only

export function tail(main, params) {
  let source = null, taken = 0, left = 0;
  const lines = h("tbody");
  const note = h("p", { class: "note", role: "status" });
  const start = () => {
    source?.close();
    const { share, ...filter } = Object.fromEntries(new FormData(form));
    source = events({ ...filter, sample: share > 1 ? `1/${share}` : "" });
    for (const type of types) source.addEventListener(type, (e) => take(JSON.parse(e.data)));
    source.addEventListener("dropped", (e) => { note.textContent = `${number(JSON.parse(e.data).dropped)} events were left out by the server, because they came too fast`; });
    source.onopen = () => { note.textContent = "listening"; };
    source.onerror = () => { note.textContent = "the stream was cut; the browser tries again"; };
    button.textContent = "Stop";
  };
  const stop = () => {
    source?.close();
    source = null;
    button.textContent = "Start";
  };
  const take = (e) => {
    if (++taken > perSecond) { left++; return; }
    const { type, time, namespace, sid, user, room, event, reason, args } = e;
    lines.prepend(h("tr", {}, [new Date(time).toLocaleTimeString(), type, namespace, user, sid, room ?? event, reason ?? (args ? JSON.stringify(args) : "")]
      .map((c) => h("td", { class: "id" }, c ?? ""))));
    while (lines.childElementCount > most) lines.lastChild.remove();
  };
  const each = setInterval(() => {
    taken = 0;
    if (left) note.textContent = `${number(left)} events more than ${perSecond} a second were not shown`;
  }, 1000);
  const button = h("button", {}, "Start");
  const form = h("form", { onsubmit: (e) => { e.preventDefault(); source ? stop() : start(); } },
    field("Types (with * and commas)", { name: "types", value: params.types ?? "" }), field("Namespace", { name: "namespace" }),
    field("User", { name: "user", value: params.user ?? "" }), field("Socket id", { name: "sid" }), field("Show one of", { name: "share", type: "number", min: 1, value: 1 }), button);
  main.append(h("h1", {}, "Live tail"), form, note,
    h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Events" },
      h("table", {}, h("caption", {}, `The last ${most} events, newest first`),
        h("thead", {}, h("tr", {}, ["Time", "Type", "Namespace", "User", "Socket", "Room or event", "Reason or arguments"].map((t) => h("th", { scope: "col" }, t)))), lines)));
  return () => { stop(); clearInterval(each); };
}
