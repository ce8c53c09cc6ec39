// Overview: what an operator looks at first, now and in the last quarter of an hour.

import { h, figures, number, bytes, seconds } from "./dom.js";
import { own } from "./api.js";
import { every } from "./app.js";

const share = (n) => (n === undefined || n === null ? "–" : `${number(100 * n)} %`);

// Each chart: a title, its unit, and the columns of the history that it shows.
const charts = [
  ["Connections", number, [["connections", "connections"]]],
  ["Opened and closed each second", number, [["opened", "opened"], ["closed", "closed"]]],
  ["Messages each second", number, [["in", "messages_in"], ["out", "messages_out"]]],
  ["Bytes each second", bytes, [["in", "bytes_in"], ["out", "bytes_out"]]],
  ["Processor time", share, [["of one", "cpu"]]],
  ["Memory", bytes, [["resident", "rss"]]],
  ["Delay of the slowest loop, ms", number, [["lag", "loop_lag_ms"]]],
];
const colours = ["#2f81f7", "#d29922"];

export function overview(main) {
  const now = h("div");
  const frames = charts.map(([title]) => h("figure", {}, h("figcaption", {}, title), h("div")));
  const plotted = h("div", { class: "charts" }, frames);
  main.append(h("h1", {}, "Overview"), now, plotted);
  let plots = null;
  const history = { t: [] };

  const draw = async () => {
    const since = history.t.length ? history.t[history.t.length - 1] : 0;
    const more = await own(`history?since=${since}`);
    for (const [name, values] of Object.entries(more.columns)) {
      history[name] = [...(history[name] ?? []), ...values].slice(-more.keeps);
    }
    const l = more.last;
    now.replaceChildren(figures([
      ["Connections", `${number(l.connections)} of ${number(l.max_connections)}`],
      ["Sockets", number(l.sockets)],
      ["Opened / closed per s", `${number(l.opened)} / ${number(l.closed)}`],
      ["Messages in / out per s", `${number(l.messages_in)} / ${number(l.messages_out)}`],
      ["Of one processor", share(l.cpu)],
      ["Memory", bytes(l.rss)],
      ["Of the memory there is", l.memory_share ? share(l.memory_share) : "–"],
      ["Open files", `${number(l.open_files)} of ${number(l.max_files)}`],
      ["Clients that are behind", number(l.slow)],
      ["Waiting for clients", bytes(l.pending_bytes)],
      ["Loop delay", `${number(l.loop_lag_ms)} ms`],
      ["Up for", seconds(l.uptime)],
    ]));
    plots ??= await build(frames);
    plots?.forEach((p, i) => p.setData([history.t, ...charts[i][2].map(([, column]) => history[column])]));
  };
  const stop = every(1000, draw);
  const resize = () => plots?.forEach((p, i) => p.setSize(size(frames[i])));
  window.addEventListener("resize", resize);
  return () => {
    stop();
    window.removeEventListener("resize", resize);
    plots?.forEach((p) => p.destroy());
  };
}

const size = (frame) => ({ width: Math.max(200, frame.clientWidth - 22), height: 170 });

/** The charts; null if this build of the server was made without the library for them. */
async function build(frames) {
  let uPlot;
  try {
    uPlot = (await import("./uPlot.esm.js")).default;
  } catch {
    for (const f of frames) f.replaceChildren(h("p", { class: "note" }, "This build has no charts: it was made without “make build”."));
    return null;
  }
  const ink = getComputedStyle(document.body).color;
  return charts.map(([, unit, columns], i) => new uPlot({
    ...size(frames[i]),
    cursor: { drag: { x: false, y: false } },
    axes: [{ stroke: ink, grid: { show: false } }, { stroke: ink, size: 70, values: (_, v) => v.map((n) => unit(n)) }],
    scales: { y: { range: (_, lo, hi) => [0, hi || 1] } },
    series: [{}, ...columns.map(([label], c) => ({ label, stroke: colours[c], value: (_, v) => (v == null ? "–" : unit(v)) }))],
  }, [[], ...columns.map(() => [])], frames[i].lastChild));
}
