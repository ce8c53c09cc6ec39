// The frame: log-in, which page is shown, and the state of the server in the head.

import { h, field, number } from "./dom.js";
import { own, Refused } from "./api.js";
import { overview } from "./overview.js";
import { rooms, sockets, slow } from "./lists.js";
import { tail } from "./tail.js";
import { emit } from "./emit.js";
import { webhooks, config, drain } from "./system.js";

const main = document.getElementById("main");
const nav = document.getElementById("nav");
const pages = { "": overview, rooms, sockets, slow, tail, emit, webhooks, config, drain };

/** Who is logged in: {key, scopes, readonly, node}. */
export let session = null;
let leave = () => {}; // ends what the shown page does

export const can = (scope) => session && !session.readonly && session.scopes.includes(scope);

/** Says what went wrong until the next page is shown. */
export function complain(err) {
  if (err instanceof Refused && err.status === 401) { session = null; login(); return; }
  document.getElementById("message").textContent = err ? err.message : "";
}

/** Runs f now and again after each wait, while the page is shown and visible. */
export function every(ms, f) {
  let timer, ended = false;
  const run = async () => {
    try { if (!document.hidden) await f(); } catch (err) { complain(err); }
    if (!ended) timer = setTimeout(run, ms);
  };
  run();
  return () => { ended = true; clearTimeout(timer); };
}

function show() {
  if (!session) return;
  leave();
  complain(null);
  const [path, search = ""] = location.hash.replace(/^#\/?/, "").split("?");
  const page = pages[path] ?? overview;
  for (const a of nav.querySelectorAll("a")) {
    if (a.getAttribute("href") === `#/${path}`) a.setAttribute("aria-current", "page");
    else a.removeAttribute("aria-current");
  }
  main.replaceChildren();
  leave = page(main, Object.fromEntries(new URLSearchParams(search))) ?? (() => {});
  document.title = `${main.querySelector("h1")?.textContent ?? ""} – sioserver`;
  main.focus();
}

function login() {
  leave();
  leave = () => {};
  nav.hidden = true;
  document.getElementById("logout").hidden = true;
  const form = h("form", {
    class: "tall",
    onsubmit: async (e) => {
      e.preventDefault();
      try {
        session = await own("session", "POST", { key: form.elements.key.value });
        complain(null);
        start();
      } catch (err) {
        document.getElementById("message").textContent = err.message;
      }
    },
  }, field("Key of the control plane, with the scope admin or read", { name: "key", type: "password", autocomplete: "current-password", required: true }),
  h("button", {}, "Log in"));
  main.replaceChildren(h("h1", {}, "Log in"), form);
  form.elements.key.focus();
}

/** The state in the head: said once when it changes, not with each figure. */
export function state(text, bad) {
  const el = document.getElementById("state");
  if (el.textContent !== text) el.textContent = text;
  el.classList.toggle("bad", Boolean(bad));
}

function start() {
  nav.hidden = false;
  const out = document.getElementById("logout");
  out.hidden = false;
  document.getElementById("node").textContent = session.node;
  show();
}

document.getElementById("logout").addEventListener("click", async () => {
  await own("session", "DELETE").catch(() => {});
  session = null;
  login();
});
window.addEventListener("hashchange", show);

every(5000, async () => {
  if (!session) return;
  const s = await own("state");
  const text = s.draining ? `draining, ${number(s.connections)} connections left` : s.ready ? "ready" : `not ready: ${s.reasons.join(", ")}`;
  state(text, !s.ready);
});

try {
  session = await own("session");
  start();
} catch {
  login();
}
