// All that a trace has to say, in words.
const KNOWN = new Set(["ms", "eye", "kind", "of"]);

// One event in words: its kind, then its particulars.
function told(event) {
  const kind = el("b", {}, text(event.kind));
  if (isBytes(event.bytes)) {
    const start = String(event.bytes.latin1 ?? "");
    return [kind, ` ${number(size(event.bytes))} bytes `,
      el("code", {}, octets(start.slice(0, 72)), start.length > 72 ? "…" : "")];
  }
  if (event.kind === "called") {
    const found = new Map(itemsOf(event));
    const line = ["REQUEST_METHOD", "SCRIPT_NAME", "PATH_INFO", "QUERY_STRING"]
      .map((name) => python(found.get(name))).join(" ");
    return [kind, " ", el("code", {}, text(line)), event.says === undefined ? null : " (fence)"];
  }
  if (event.kind === "start_response") {
    return [kind, " ", el("code", {}, text((Array.isArray(event.arguments) ? event.arguments : [])
      .map((one) => python(one)).join(", ") + (event.exc_info ? ", exc_info" : "")))];
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
    `${name} = ${python(value)}`).join("; "))) : null];
}

const LANES = { client: 0, app: 1, server: 2, harness: 2 };

function timeline(events) {
  const body = events.map((event) => {
    const lane = own(LANES, event.eye) ?? 2;
    return el("tr", { class: own(LANES, event.eye) !== undefined ? event.eye : "harness" },
      el("td", { class: "num" }, milliseconds(event)),
      [0, 1, 2].map((at) => el("td", {}, at === lane ? told(event) : null)));
  });
  return el("div", { class: "wide", tabindex: "0", role: "group", "aria-label": "All events" },
    table(["ms", "client", "application", "server, suite"], body, "lanes"));
}

function logOf(events) {
  return events.filter((event) => event.kind === "log" && isBytes(event.bytes));
}

// What the panel shows of a trace.
function sections({ events, missing, exact }, verdict) {
  const log = logOf(events);
  const all = el("details", {}, el("summary", {}, `All ${events.length} events as a table`));
  all.addEventListener("toggle", () => {
    if (all.open && all.children.length < 2) all.append(timeline(events));
  });
  return [
    missing ? el("p", { class: "note" }, `Of this trace ${events.length} of ${events.length + missing} ` +
      "events are in the page, those that matter; results.json has all.") : null,
    section("Lifecycle: both eyes on one time axis", lifeline(events, exact), all),
    section("On the wire", wire(events)),
    section("What the application saw", application(events, verdict)),
    log.length ? section("The server's log meanwhile", el("pre", { tabindex: "0" },
      log.map((event) => lines(event.bytes.latin1)))) : null,
  ].filter(Boolean);
}
