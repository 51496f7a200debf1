// The lifecycle line: time runs down, the client's eye on the left, the application's on the right.
// Waits are drawn to a scale of powers, so that microseconds and seconds can be seen on one page.
const ROW = 19, LONGEST_LINE = 140;
const QUIET_KINDS = new Set(["mark", "scene", "opened-gate", "gone", "note"]);

function shortened(event) {
  const some = (value) => plain(value).slice(0, 90);
  if (isBytes(event.bytes)) {
    const start = String(event.bytes.latin1 ?? "").split("\r\n")[0];
    return `${event.kind} ${number(size(event.bytes))} B  ${some(start)}`;
  }
  if (event.kind === "called") {
    const found = new Map(itemsOf(event));
    return `called  ${some(found.get("REQUEST_METHOD") ?? "")} ${some(found.get("PATH_INFO") ?? "")}`;
  }
  if (event.kind === "start_response") {
    return `start_response  ${some(python((event.arguments || [])[0]))}`;
  }
  if (event.kind === "open") return "connect";
  return some(event.kind) + (event.error ? ` ${some(event.error)}` : "");
}

// The y of each event: a row each, and room for the time that passed.
function places(events) {
  let y = 30;
  return events.map((event, at) => {
    const gap = at ? Math.max(0, event.ms - events[at - 1].ms) : 0;
    y += at ? ROW + 7 * Math.log2(1 + gap) : 0;
    return y;
  });
}

const MARKS = {
  open: "M-4 0a4 4 0 1 0 8 0a4 4 0 1 0 -8 0", sent: "M-5 -5L6 0L-5 5Z",
  received: "M5 -5L-6 0L5 5Z", eof: "M-5 -5L5 5M-5 5L5 -5", reset: "M-5 -5L5 5M-5 5L5 -5",
  closed: "M-5 0H5M0 -5V5", called: "M-5 -5H5V5H-5Z", start_response: "M0 -6L6 0L0 6L-6 0Z",
  close: "M-5 -5L5 5M-5 5L5 -5", raised: "M-6 4L0 -6L6 4Z",
};
const DOT = "M-3 0a3 3 0 1 0 6 0a3 3 0 1 0 -6 0";

function lifeline(all, exact) {
  const shown = all.filter((event) => !QUIET_KINDS.has(event.kind) &&
    (event.eye === "client" || event.eye === "app" || event.kind === "exited"));
  const events = shown.slice(0, LONGEST_LINE).map((event) => ({ ...event, ms: Number(event.ms) || 0 }))
    .sort((one, two) => one.ms - two.ms);
  if (!events.length) return el("p", { class: "end" }, "Neither eye saw anything.");
  const ys = places(events);
  const width = Math.max(280, Math.min(760, $("#panel").clientWidth - 60));
  const lanes = { client: 72, app: Math.round(72 + (width - 72) * 0.47) };
  const height = ys.at(-1) + 22;
  const room = (lane) => Math.floor(((lane === "app" ? width : lanes.app) - lanes[lane] - 18) / 6.1);
  const parts = [];
  for (const [name, x] of Object.entries(lanes)) {
    parts.push(svg("line", { class: "lane " + name, x1: x, x2: x, y1: 22, y2: height - 8 }),
      svg("text", { class: "head", x: x - 6, y: 14 }, name === "app" ? "application" : "client"));
  }
  parts.push(...spans(events, ys, lanes.app));
  events.forEach((event, at) => {
    const lane = event.eye === "client" ? "client" : "app";
    const line = shortened(event);
    const fits = line.length > room(lane) ? line.slice(0, Math.max(3, room(lane) - 1)) + "…" : line;
    const gap = at ? event.ms - events[at - 1].ms : 0;
    if (!at || gap >= 0.1 || at === events.length - 1) {
      parts.push(svg("text", { class: "ms", x: lanes.client - 14, y: ys[at] + 4 },
        (exact ? "" : "≈") + event.ms.toFixed(event.ms < 100 ? 2 : 0)));
    }
    parts.push(svg("g", { class: `ev ${lane} k-${String(event.kind).replace(/[^a-z_-]/g, "")}`,
      transform: `translate(${lanes[lane]} ${ys[at].toFixed(1)})` },
    svg("title", {}, `${event.ms.toFixed(3)} ms: ${line}`),
    svg("path", { d: own(MARKS, event.kind) || DOT }), svg("text", { x: 12, y: 4 }, fits)));
  });
  const more = shown.length - events.length;
  return el("div", { class: "life", tabindex: "0", role: "group", "aria-label": "Lifecycle line" },
    svg("svg", { viewBox: `0 0 ${width} ${height}`, width, height, role: "img",
      "aria-label": `${events.length} events over ${events.at(-1).ms.toFixed(2)} milliseconds; ` +
        "the table below has the same" }, parts),
    more > 0 ? el("p", { class: "end" }, `and ${more} more events; the table has them`) : null);
}

// A bar for each call, from called to its last event.
function spans(events, ys, x) {
  const calls = new Map();
  events.forEach((event, at) => {
    if (event.eye === "app") calls.set(event.of, [...(calls.get(event.of) || []), ys[at]]);
  });
  return [...calls.values()].map((mine) => svg("rect", { class: "span", x: x - 3, width: 6,
    y: mine[0], height: Math.max(4, mine.at(-1) - mine[0]), rx: 3 }));
}
