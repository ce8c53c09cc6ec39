// Webhooks, configuration, drain.

import { h, table, field, figures, number, seconds } from "./dom.js";
import { get, post, del, own } from "./api.js";
import { can, complain, every } from "./app.js";

export function webhooks(main) {
  const out = h("div");
  main.append(h("h1", {}, "Webhooks"), out);
  return every(2000, async () => {
    const { items } = await get("webhooks");
    const again = (name) => async () => { try { await post(`webhooks/${encodeURIComponent(name)}/retry`, {}); } catch (err) { complain(err); } };
    const shown = items.length ? table("Endpoints", [
      { title: "Name", cell: (w) => w.webhook },
      { title: "Waiting", n: true, cell: (w) => number(w.queued) },
      { title: "Tried for", n: true, cell: (w) => seconds(w.oldest_age_ms / 1000) },
      { title: "Delivered", n: true, cell: (w) => number(w.deliveries.ok) },
      { title: "Tries that failed", n: true, cell: (w) => number(w.deliveries.retry) },
      { title: "Dead letters", n: true, cell: (w) => number(w.deliveries.dead_letter) },
      { title: "Events dropped", n: true, cell: (w) => number(Object.values(w.dropped).reduce((a, b) => a + b, 0)) },
      { title: "Last error", cell: (w) => (w.disabled ? "disabled: it answered 410. " : "") + (w.last_error || "–") },
      { title: "", cell: (w) => h("button", { type: "button", disabled: !can("admin"), onclick: again(w.webhook) }, `Try ${w.webhook} now`) },
    ], items) : h("p", {}, "None is configured.");
    if (!out.contains(document.activeElement)) out.replaceChildren(shown); // a button with the focus is not taken away
  });
}

export function config(main) {
  const out = h("div");
  const report = h("pre", { role: "status" });
  const reload = h("button", {
    type: "button", disabled: !can("admin"),
    onclick: async () => { try { report.textContent = JSON.stringify(await post("admin/reload", {}), null, 2); await read(); } catch (err) { complain(err); } },
  }, "Read the files again");
  const read = async () => {
    const { items } = await own("config");
    out.replaceChildren(table("In use, secrets hidden", [
      { title: "Key", id: true, cell: (c) => c.key },
      { title: "Value", id: true, cell: (c) => JSON.stringify(c.value) },
      { title: "From", cell: (c) => c.source },
    ], items));
  };
  main.append(h("h1", {}, "Configuration"), h("p", {}, reload), report, out);
  read().catch(complain);
}

export function drain(main) {
  const now = h("div");
  const form = h("form", {
    onsubmit: async (e) => {
      e.preventDefault();
      if (!confirm("Drain this server? Its clients are closed at a pace and come back elsewhere; the process ends.")) return;
      try { await post("admin/drain", form.elements.over.value ? { over: form.elements.over.value } : {}); } catch (err) { complain(err); }
    },
  }, field("Over (empty: as configured)", { name: "over", placeholder: "30s" }), h("button", { class: "danger", disabled: !can("admin") }, "Drain"),
  h("button", { type: "button", disabled: !can("admin"), onclick: () => del("admin/drain").catch(complain) }, "Cancel"));
  main.append(h("h1", {}, "Drain"), form, now);
  return every(1000, async () => {
    const d = await get("admin/drain");
    now.replaceChildren(figures([
      ["State", d.state], ["Connections left", number(d.remaining)], ["Of", number(d.total)], ["Rate", `${number(d.rate ?? 0)} /s`], ["Done in", seconds(d.eta_seconds)],
    ]));
  });
}
