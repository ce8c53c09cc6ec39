// Emit: a form that does what the API does, and says how to do the same with curl.

import { h, field } from "./dom.js";
import { post } from "./api.js";
import { can, complain } from "./app.js";

const words = (text) => text.split(/[\s,]+/).filter(Boolean);

export function emit(main) {
  const out = h("pre", { role: "status" });
  const curl = h("pre", { id: "curl" });
  const body = () => {
    const f = form.elements;
    const b = { namespace: f.namespace.value || "/", event: f.event.value, args: JSON.parse(f.args.value || "[]") };
    if (!Array.isArray(b.args)) throw new Error("the arguments must be a JSON array");
    for (const name of ["to", "users", "except"]) if (f[name].value.trim()) b[name] = words(f[name].value);
    if (f.volatile.checked) b.volatile = true;
    if (f.ack.value > 0) b.ack = { timeout_ms: Number(f.ack.value) };
    return b;
  };
  const preview = () => {
    try {
      curl.textContent = `curl -s ${location.origin}/api/v1/emit -H "Authorization: Bearer $SIOSERVER_KEY" -d '${JSON.stringify(body()).replaceAll("'", "'\\''")}'`;
    } catch (err) {
      curl.textContent = err.message;
    }
  };
  const form = h("form", {
    class: "tall",
    oninput: preview,
    onsubmit: async (e) => {
      e.preventDefault();
      complain(null);
      try { out.textContent = JSON.stringify(await post("emit", body()), null, 2); } catch (err) { complain(err); }
    },
  },
  field("Namespace", { name: "namespace", value: "/" }), field("Event", { name: "event", required: true }),
  field("Arguments, a JSON array", { name: "args", tag: "textarea" }),
  field("To rooms or socket ids", { name: "to" }), field("To users", { name: "users" }), field("Except rooms or socket ids", { name: "except" }),
  field("Volatile: leave out clients that are behind", { name: "volatile", type: "checkbox" }),
  field("Wait for acknowledgements, ms (0: do not)", { name: "ack", type: "number", min: 0, value: 0 }),
  h("button", { disabled: !can("emit") }, "Emit"));
  main.append(h("h1", {}, "Emit"), form, h("h2", {}, "The same with curl"), curl, h("h2", {}, "Answer"), out);
  preview();
}
