"use strict";
// The evidence: unpacked on demand, and shown as it was: bytes as bytes, objects as Python has them.
// Whatever came from a server becomes text nodes, never markup.
const Evidence = (() => {
  const $ = (selector, from = document) => from.querySelector(selector);
  const $$ = (selector, from = document) => [...from.querySelectorAll(selector)];
  const packed = JSON.parse($("#evidence").textContent);

  // --- Building ---------------------------------------------------------------------------------

  function el(name, attributes, ...children) {
    const node = document.createElement(name);
    for (const [key, value] of Object.entries(attributes || {})) {
      if (value !== null && value !== false) node.setAttribute(key, value === true ? "" : value);
    }
    node.append(...children.flat(3).filter((child) => child !== null && child !== undefined));
    return node;
  }

  const hex = (number, width) => number.toString(16).padStart(width, "0");

  function named(character) {
    const code = character.codePointAt(0);
    if (code < 0x100) return "\\x" + hex(code, 2);
    return code < 0x10000 ? "\\u" + hex(code, 4) : "\\U" + hex(code, 8);
  }

  // Splits a text at what a browser would not show, or would let reorder its surroundings.
  function split(string, pattern, show) {
    const nodes = [];
    let at = 0;
    for (const match of string.matchAll(pattern)) {
      if (match.index > at) nodes.push(string.slice(at, match.index));
      nodes.push(el("span", { class: "x" }, show(match[0])));
      if (match[0].endsWith("\n")) nodes.push("\n");
      at = match.index + match[0].length;
    }
    if (at < string.length) nodes.push(string.slice(at));
    return nodes;
  }

  const text = (value) =>
    split(String(value), /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]+/gu, (run) =>
      [...run].map(named).join(""));
  const lines = (value) =>
    split(String(value), /(?:(?!\n)[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}])+/gu, (run) =>
      [...run].map(named).join(""));
  const octets = (string) =>
    split(string, /\r\n|\r|\n|[^\x20-\x7e\r\n]+/g, (run) =>
      run.replace(/[^\x20-\x7e]/g, (one) =>
        one === "\r" ? "\\r" : one === "\n" ? "\\n" : named(one)));

  const size = (value) => value.length ?? value.latin1.length;
  const number = (value) => value.toLocaleString("en");

  function bytes(value) {
    if (value.damaged) return [el("em", {}, "these bytes are damaged in the results file")];
    const nodes = octets(value.latin1);
    if (value.length === undefined) return nodes;
    const shown = value.latin1.length + (value.tail || "").length;
    const gap = `${number(value.length - shown)} of ${number(value.length)} bytes are not shown`;
    return [nodes, el("span", { class: "gap" }, gap), octets(value.tail || "")];
  }

  // A snapshot of an object of the server's process, as Python would print it.
  function python(value, depth = 0) {
    if (value === null) return "None";
    if (value === true) return "True";
    if (value === false) return "False";
    if (typeof value === "number") return String(value);
    if (typeof value === "string") return quoted(value);
    if (depth > 8 || typeof value !== "object") return "…";
    if (Array.isArray(value)) return value.map((item) => python(item, depth + 1)).join(":");
    const list = (items) => items.map((item) => python(item, depth + 1)).join(", ");
    if (typeof value.b === "string") return "b" + quoted(value.b);
    if (value.t) return `(${list(value.t)}${value.t.length === 1 ? "," : ""})`;
    if (value.l) return `[${list(value.l)}]`;
    if (value.d) {
      return `{${value.d.map(([key, item]) =>
        python(key, depth + 1) + ": " + python(item, depth + 1)).join(", ")}}`;
    }
    if (value.x) return `raised ${value.x[0]}: ${value.x[1]}`;
    if (typeof value.S === "string") return `${value.c}(${quoted(value.S)})`;
    if (typeof value.B === "string") return `${value.c}(b${quoted(value.B)})`;
    return value.r ?? JSON.stringify(value);
  }

  function quoted(string) {
    const mark = string.includes("'") && !string.includes('"') ? '"' : "'";
    const body = string.replace(/[\\\r\n\t]/g, (one) =>
      ({ "\\": "\\\\", "\r": "\\r", "\n": "\\n", "\t": "\\t" })[one]);
    return mark + (mark === "'" ? body.replaceAll("'", "\\'") : body) + mark;
  }

  const sign = (outcome) =>
    el("span", { class: "sign " + outcome[0], "aria-hidden": "true" });
  const milliseconds = (event) => Number(event.ms || 0).toFixed(2);
  const table = (head, body, kind) =>
    el("table", { class: kind },
      head && el("thead", {}, el("tr", {}, head.map((name) => el("th", { scope: "col" }, name)))),
      el("tbody", {}, body));

  // --- Evidence ---------------------------------------------------------------------------------

  const unpacked = new Map();

  function unpack(base64) {
    if (!unpacked.has(base64)) {
      const stream = () => {
        const raw = Uint8Array.from(atob(base64), (one) => one.charCodeAt(0));
        return new Blob([raw]).stream().pipeThrough(new DecompressionStream("deflate"));
      };
      unpacked.set(base64, (async () => JSON.parse(await new Response(stream()).text()))());
    }
    return unpacked.get(base64);
  }

  // A trace is packed as pairs: microseconds since the event before, and number of the event's body.
  async function eventsOf(place, key) {
    const { items, bodies, traces } = await unpack(packed.traces[place]);
    const pairs = key === null ? undefined : traces[key];
    if (!pairs) return null;
    const events = [];
    for (let at = 0, clock = 0; at < pairs.length; at += 2) {
      clock += pairs[at];
      const event = { ms: clock / 1000, ...bodies[pairs[at + 1]] };
      const { environ } = event;
      if (Array.isArray(environ?.items)) {
        event.environ = { ...environ, items: environ.items.map((entry) => items[entry]) };
      }
      events.push(event);
    }
    return events;
  }

  const ENDS = {
    eof: "the server ended the connection", reset: "the connection was reset",
    refused: "the connection was refused", "half-closed": "the client sent FIN and reads on",
    closed: "the client closed", aborted: "the client reset the connection",
    "send-failed": "the server no longer takes bytes",
  };

  function wire(events) {
    const connections = Map.groupBy
      ? Map.groupBy(events.filter((event) => event.eye === "client"), (event) => event.of)
      : events.filter((event) => event.eye === "client").reduce((map, event) =>
        map.set(event.of, [...(map.get(event.of) || []), event]), new Map());
    return [...connections].map(([of, mine]) => el("div", { class: "wire" },
      connections.size > 1 && el("h4", {}, `Connection ${of}`) || null,
      mine.map((event) => {
        if (event.kind !== "sent" && event.kind !== "received") {
          const words = ENDS[event.kind];
          return words ? el("p", { class: "end" }, `${words} · ${milliseconds(event)} ms`,
            event.error ? [" · ", text(event.error)] : null) : null;
        }
        const label = `${event.kind} ${number(size(event.bytes))} bytes · ${milliseconds(event)} ms`;
        return el("figure", { class: event.kind }, el("figcaption", {}, label),
          el("pre", { tabindex: "0" }, bytes(event.bytes)));
      })));
  }

  function environTable(entries) {
    return table(["Key", "Value"], entries.map(([key, value]) =>
      el("tr", {}, el("th", { scope: "row" }, text(typeof key === "string" ? key : python(key))),
        el("td", {}, text(python(value))))), "environ");
  }

  function application(events) {
    const mine = events.filter((event) => event.eye === "app");
    if (!mine.length) return [el("p", { class: "end" }, "The application was not called.")];
    const calls = [...new Set(mine.map((event) => event.of))];
    return calls.map((of) => {
      const all = mine.filter((event) => event.of === of);
      const called = all.find((event) => event.kind === "called") || {};
      const environ = called.environ || {};
      const inherited = new Set(called.inherited || []);
      const items = (environ.items || []).filter(Array.isArray);
      const own = items.filter(([key]) => !inherited.has(key));
      const rest = items.filter(([key]) => inherited.has(key));
      const steps = all.filter((event) => !["called", "note", "gone"].includes(event.kind));
      const notes = all.filter((event) => event.kind === "note")
        .flatMap((event) => Object.entries(event.values || {}));
      const fence = called.says === undefined ? "" : " (a request of the suite's own)";
      return el("div", { class: "call" },
        el("h4", {}, `Call ${of}${fence}`),
        environ.type && environ.type !== "builtins.dict"
          ? el("p", { class: "end" }, "environ is a ", text(environ.type)) : null,
        environ.error ? el("p", { class: "end" }, "environ: ", text(environ.error)) : null,
        notes.length ? [el("h5", {}, "What the probe noted"), environTable(notes)] : null,
        steps.length ? [el("h5", {}, "What it did"), el("ol", { class: "steps" },
          steps.map((event) => el("li", {}, told(event))))] : null,
        own.length ? el("details", { open: calls.length === 1 },
          el("summary", {}, `environ, ${own.length} keys`), environTable(own)) : null,
        rest.length ? el("details", {},
          el("summary", {}, `${rest.length} more that the server's process environment holds`),
          environTable(rest)) : null);
    });
  }

  const KNOWN = new Set(["ms", "eye", "kind", "of"]);

  // One event in words: its kind, then its particulars.
  function told(event) {
    const kind = el("b", {}, text(event.kind));
    if (event.bytes) return [kind, ` ${number(size(event.bytes))} bytes `,
      el("code", {}, octets(event.bytes.latin1.slice(0, 72)), size(event.bytes) > 72 ? "…" : "")];
    if (event.kind === "called") {
      const found = new Map((event.environ?.items || []).filter(Array.isArray));
      const line = ["REQUEST_METHOD", "SCRIPT_NAME", "PATH_INFO", "QUERY_STRING"]
        .map((name) => python(found.get(name) ?? null)).join(" ");
      return [kind, " ", el("code", {}, text(line)), event.says === undefined ? null : " (fence)"];
    }
    if (event.kind === "start_response") {
      return [kind, " ", el("code", {}, text((event.arguments || []).map((one) =>
        python(one)).join(", ") + (event.exc_info ? ", exc_info" : "")))];
    }
    if (event.kind === "note") {
      return [kind, " ", el("code", {}, text(Object.entries(event.values || {})
        .map(([name, value]) => `${name} = ${python(value)}`).join("; ")))];
    }
    if (event.kind === "mark") return event.met ? "waited until it came" : "waited in vain";
    if (event.kind === "scene") {
      const given = Object.keys(event.parameters || {}).length;
      return ["plays ", el("code", {}, text(event.probe)), given
        ? el("code", {}, text(` ${JSON.stringify(event.parameters)}`)) : null];
    }
    const rest = Object.entries(event).filter(([name]) => !KNOWN.has(name));
    return [kind, rest.length ? el("code", {}, text(" " + rest.map(([name, value]) =>
      `${name} = ${python(value)}`)
      .join("; "))) : null];
  }

  const LANES = { client: 0, app: 1, server: 2, harness: 2 };

  function timeline(events) {
    return el("div", { class: "wide" }, table(["ms", "client", "application", "server, suite"],
      events.map((event) => {
        const lane = LANES[event.eye] ?? 2;
        return el("tr", { class: String(event.eye) in LANES ? event.eye : "harness" },
          el("td", { class: "num" }, milliseconds(event)),
          [0, 1, 2].map((at) => el("td", {}, at === lane ? told(event) : null)));
      }), "lanes"));
  }

  // All that a trace has to say, for the panel.
  function sections(events) {
    const section = (title, ...children) => el("section", {}, el("h3", {}, title), children);
    const log = events.filter((event) => event.kind === "log" && event.bytes);
    return [
      section("On the wire", wire(events)),
      section("What the application saw", application(events)),
      section("Both eyes, one timeline", timeline(events)),
      log.length ? section("Server's log meanwhile", el("pre", { tabindex: "0" },
        log.map((event) => lines(event.bytes.latin1)))) : null,
    ].filter(Boolean);
  }

  return { $, $$, el, eventsOf, lines, octets, packed, sections, sign, text, unpack };
})();
