// Bytes as they went over the wire: as text in which CR and LF show, or in hexadecimal.
const OCTETS = /\r\n|\r|\n|\ue004|[^\x20-\x7e\r\n\ue004]+/g;
const octets = (string) => split(String(string ?? ""), OCTETS, (run) =>
  run.replace(/[^\x20-\x7e]/g, (one) =>
    one === "\r" ? "\\r" : one === "\n" ? "\\n" : named(one)));

const size = (value) => value.length ?? String(value.latin1 ?? "").length;
const isBytes = (value) => value !== null && typeof value === "object" &&
  (typeof value.latin1 === "string" || value.damaged);

function dump(string, from) {
  const rows = [];
  for (let at = 0; at < string.length; at += 16) {
    const part = string.slice(at, at + 16);
    const codes = [...part].map((one) => hex(one.charCodeAt(0), 2));
    rows.push(`${hex(from + at, 6)}  ${codes.slice(0, 8).join(" ").padEnd(23)}  ` +
      `${codes.slice(8).join(" ").padEnd(23)}  ${part.replace(/[^\x20-\x7e]/g, ".")}`);
  }
  return rows.join("\n");
}

function bytes(value, asHex) {
  if (value.damaged) return [el("em", {}, "these bytes are damaged in the results file")];
  const show = asHex ? (string, from) => dump(string, from) : octets;
  const whole = show(value.latin1, 0);
  if (value.length === undefined) return whole;
  const tail = String(value.tail || "");
  const shown = value.latin1.length + tail.length;
  const gap = `cut here: ${number(value.length - shown)} of ${number(value.length)} bytes are not shown`;
  return [whole, el("span", { class: "gap" }, gap), show(tail, value.length - tail.length)];
}

const ENDS = {
  eof: "the server ended the connection", reset: "the connection was reset",
  refused: "the connection was refused", "half-closed": "the client sent FIN and reads on",
  closed: "the client closed", aborted: "the client reset the connection",
  "send-failed": "the server no longer takes bytes",
};
const STAYS = "neither side had ended it when the probe was over";

const milliseconds = (event) => Number(event.ms || 0).toFixed(2);

function transfer(event) {
  const pre = el("pre", { tabindex: "0" }, bytes(event.bytes, false));
  const label = `${event.kind} ${number(size(event.bytes))} bytes · ${milliseconds(event)} ms`;
  let asHex = false;
  const toggle = button("hex", () => {
    asHex = !asHex;
    toggle.setAttribute("aria-pressed", asHex);
    pre.classList.toggle("hex", asHex);
    pre.replaceChildren(...[bytes(event.bytes, asHex)].flat(2));
  }, { "aria-pressed": "false", class: "toggle" });
  return el("figure", { class: event.kind }, el("figcaption", {}, label, toggle), pre);
}

// Each connection: what went both ways, and how it came to its end, which is judged apart.
function wire(events) {
  const mine = events.filter((event) => event.eye === "client");
  const connections = new Map();
  for (const event of mine) {
    connections.set(event.of, [...(connections.get(event.of) || []), event]);
  }
  if (!connections.size) return [el("p", { class: "end" }, "Nothing went over a wire.")];
  return [...connections].map(([of, all]) => {
    const end = all.filter((event) => own(ENDS, event.kind)).at(-1);
    return el("div", { class: "wire" },
      el("h4", {}, `Connection ${of ?? ""} `, el("small", {}, end ? own(ENDS, end.kind) : STAYS)),
      all.map((event) => {
        if (isBytes(event.bytes)) return transfer(event);
        const words = own(ENDS, event.kind);
        return words ? el("p", { class: "end" }, `${words} · ${milliseconds(event)} ms`,
          event.error ? [" · ", text(event.error)] : null) : null;
      }));
  });
}
