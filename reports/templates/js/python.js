// Objects of the server's process, as Python would print them, and environ.
function python(value, depth = 0) {
  if (value === null || value === undefined) return "None";
  if (value === true) return "True";
  if (value === false) return "False";
  if (typeof value === "number") return String(value);
  if (typeof value === "string") return value === ELIDED ? value : quoted(value);
  if (depth > 8 || typeof value !== "object") return "…";
  const list = (items) => [...items].map((item) => python(item, depth + 1)).join(", ");
  if (Array.isArray(value)) return value.map((item) => python(item, depth + 1)).join(":");
  if (typeof value.b === "string") return "b" + quoted(value.b);
  if (Array.isArray(value.t)) return `(${list(value.t)}${value.t.length === 1 ? "," : ""})`;
  if (Array.isArray(value.l)) return `[${list(value.l)}]`;
  if (Array.isArray(value.d)) {
    return `{${value.d.map((pair) => (Array.isArray(pair) ? pair : [pair])
      .map((item) => python(item, depth + 1)).join(": ")).join(", ")}}`;
  }
  if (Array.isArray(value.x)) return `raised ${value.x[0]}: ${value.x[1]}`;
  if (typeof value.S === "string") return `${value.c}(${quoted(value.S)})`;
  if (typeof value.B === "string") return `${value.c}(b${quoted(value.B)})`;
  return typeof value.r === "string" ? value.r : JSON.stringify(value);
}

function quoted(string) {
  const mark = string.includes("'") && !string.includes('"') ? '"' : "'";
  const body = string.replace(/[\\\r\n\t]/g, (one) =>
    ({ "\\": "\\\\", "\r": "\\r", "\n": "\\n", "\t": "\\t" })[one]);
  return mark + (mark === "'" ? body.replaceAll("'", "\\'") : body) + mark;
}

const plainTable = (entries) => environTable(entries, new Map(), new Set());

// Entries of environ; what the request says of a key and what the check speaks of are marked, and
// such keys come first.
function environTable(entries, asked, spoken) {
  const marked = ([key]) => asked.get(key)?.differs || spoken.has(key);
  return table(["Key", "Value"], [...entries.filter(marked), ...entries.filter((one) => !marked(one))]
    .map(([key, value]) => el("tr", { class: marked([key]) ? "marked" : null },
      el("th", { scope: "row" }, text(typeof key === "string" ? key : python(key)),
        spoken.has(key) ? el("small", {}, " the check speaks of it") : null),
      el("td", {}, value === MISSING ? el("i", {}, "not there") : text(python(value)),
        asked.get(key)?.differs ? el("small", { class: "differs" },
          asked.get(key).value === null ? "no such field in the request"
            : ["the request says ", text(python(asked.get(key).value))]) : null))), "environ");
}

const itemsOf = (called) =>
  (Array.isArray(called?.environ?.items) ? called.environ.items : []).filter(Array.isArray);

// The calls of the application: environ, what it did, what the probe noted.
function application(events, verdict) {
  const mine = events.filter((event) => event.eye === "app");
  if (!mine.length) return [el("p", { class: "end" }, "The application was not called.")];
  const requests = requestsOf(events);
  const spoken = spokenOf(verdict);
  return [...new Set(mine.map((event) => event.of))].map((of, place, all) => {
    const call = mine.filter((event) => event.of === of);
    const called = call.find((event) => event.kind === "called") || {};
    const fence = called.says === undefined ? "" : " (a request of the suite's own)";
    const inherited = new Set(Array.isArray(called.inherited) ? called.inherited : []);
    const items = itemsOf(called);
    const asked = requests.has(called) ? comparedWith(items, requests.get(called), inherited) : new Map();
    const gone = [...asked].filter(([, { absent }]) => absent).map(([key]) => [key, MISSING]);
    const mineOf = [...items.filter(([key]) => !inherited.has(key)), ...gone];
    const rest = items.filter(([key]) => inherited.has(key));
    const differ = [...asked.values()].filter(({ differs }) => differs).length;
    const steps = call.filter((event) => !["called", "note", "gone"].includes(event.kind));
    const notes = call.filter((event) => event.kind === "note")
      .flatMap((event) => Object.entries(event.values || {}));
    const where = ["process", "thread"].filter((name) => name in called)
      .map((name) => `${name} ${called[name]}`).join(", ");
    return el("div", { class: "call" },
      el("h4", {}, `Call ${of ?? ""}${fence} `, where ? el("small", {}, text(where)) : null),
      called.environ?.type && called.environ.type !== "builtins.dict"
        ? el("p", { class: "end" }, "environ is a ", text(called.environ.type)) : null,
      called.environ?.error ? el("p", { class: "end" }, "environ: ", text(called.environ.error)) : null,
      notes.length ? [el("h5", {}, "What the probe noted"), plainTable(notes)] : null,
      steps.length ? [el("h5", {}, "What it did"), el("ol", { class: "steps" },
        steps.slice(0, 100).map((event) => el("li", {}, told(event))),
        steps.length > 100 ? el("li", {}, `and ${steps.length - 100} more`) : null)] : null,
      mineOf.length ? el("details", { open: all.length === 1 || differ > 0 },
        el("summary", {}, `environ, ${mineOf.length - gone.length} keys`, asked.size
          ? differ ? `; ${differ} of the ${asked.size} that the request settles not as it says`
            : `; all ${asked.size} that the request settles as it says` : null),
        environTable(mineOf, asked, spoken)) : null,
      rest.length ? el("details", {},
        el("summary", {}, `${rest.length} more that the server's process environment holds`),
        environTable(rest, asked, spoken)) : null);
  });
}
