// Elements without HTML in strings, so that no text of a client is ever markup.

/** An element: h("td", {class: "n"}, 5, " of 7"). Names that begin with "on" are listeners. */
export function h(tag, attrs = {}, ...children) {
  const el = document.createElement(tag);
  for (const [name, value] of Object.entries(attrs)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) el.addEventListener(name.slice(2), value);
    else if (value === true) el.setAttribute(name, "");
    else el.setAttribute(name, value);
  }
  el.append(...children.flat().filter((c) => c !== null && c !== undefined).map((c) => (c instanceof Node ? c : String(c))));
  return el;
}

/** A table in a frame that scrolls. columns: [{title, n?, id?, cell(row)}] */
export function table(caption, columns, rows) {
  return h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": caption },
    h("table", {},
      h("caption", {}, caption),
      h("thead", {}, h("tr", {}, columns.map((c) => h("th", { scope: "col", class: c.n ? "n" : null }, c.title)))),
      h("tbody", {}, rows.map((row) => h("tr", {}, columns.map((c) => h("td", { class: c.n ? "n" : c.id ? "id" : null }, c.cell(row))))))));
}

/** Figures side by side: [[name, value], ...] */
export function figures(list) {
  return h("dl", { class: "figures" }, list.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))));
}

/** An input with its label. */
export function field(label, attrs) {
  const { tag = "input", options, ...rest } = attrs;
  const el = h(tag, rest, options ? options.map((o) => h("option", { value: o }, o)) : null);
  return h("label", { class: rest.type === "checkbox" ? "line" : null }, rest.type === "checkbox" ? [el, label] : [label, el]);
}

const units = new Intl.NumberFormat("en", { maximumFractionDigits: 1 });

export function number(n) { return n === undefined || n === null ? "–" : units.format(n); }

export function bytes(n) {
  if (n === undefined || n === null) return "–";
  const names = ["B", "KiB", "MiB", "GiB"];
  let i = 0;
  while (n >= 1024 && i < names.length - 1) { n /= 1024; i++; }
  return `${units.format(n)} ${names[i]}`;
}

export function seconds(s) {
  if (s === undefined || s === null) return "–";
  if (s < 60) return `${units.format(s)} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min ${Math.floor(s % 60)} s`;
  return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`;
}

export function when(text) { return text ? new Date(text).toLocaleString() : "–"; }
