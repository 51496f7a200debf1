// The index: subjects, rules and all verdicts; and the events of a trace as the results had them.
const DETAIL = JSON.parse($("#detail").textContent);
const ORDER = ["info", "pass", "unsupported", "warn", "fail", "hang", "crash", "error"];
const FAILED = new Set(["fail", "hang", "crash"]);
const FOUND = new Set(["unsupported", "warn", "fail", "hang", "crash", "error"]);
const worst = (outcomes) =>
  outcomes.reduce((one, two) => (ORDER.indexOf(two) > ORDER.indexOf(one) ? two : one), "info");

// What is known once the index is unpacked.
let index = null;
// Subject's number, then rule: its verdicts, worst first.
let verdicts = [];
let byProbe = new Map();

async function loadIndex() {
  index = JSON.parse(latin1.decode(await inflate("index")));
  const word = (at) => index.texts[at];
  verdicts = index.subjects.map(() => new Map());
  for (const [rule, probe, kinds, places] of index.checks) {
    const checks = byProbe.get(word(rule)) || new Map();
    byProbe.set(word(rule), checks);
    let subject = 0, trace = 0;
    for (let at = 0; at < places.length; at += 3) {
      subject += places[at];
      trace += places[at + 2];
      const [outcome, expected, observed, broken] = kinds[places[at + 1]];
      const verdict = { rule: word(rule), probe: word(probe), outcome: index.outcomes[outcome],
        expected: word(expected), observed: word(observed), broken: Boolean(broken), trace, subject };
      const mine = verdicts[subject].get(verdict.rule) || [];
      verdicts[subject].set(verdict.rule, [...mine, verdict]);
      checks.set(verdict.probe, [...(checks.get(verdict.probe) || []), verdict]);
    }
  }
  for (const of of verdicts) {
    for (const mine of of.values()) {
      mine.sort((one, two) => ORDER.indexOf(two.outcome) - ORDER.indexOf(one.outcome));
    }
  }
}

const ruleOf = (id) => (Object.hasOwn(index.rules, id) ? index.rules[id]
  : Object.hasOwn(index.others, id) ? index.others[id] : null);
const isFinding = (verdict) => FOUND.has(verdict.outcome) || verdict.broken;

// One verdict in a line, as the static part has it for cells.
function lineOf(mine) {
  if (!mine || !mine.length) return "not judged";
  const [first] = mine;
  const same = mine.filter((verdict) => verdict.outcome === first.outcome).length;
  if (first.outcome === "pass") return `${same}/${mine.length} pass`;
  return plain(`${first.outcome} ${same}/${mine.length}: expected ${first.expected}; ` +
    `observed ${first.observed}`);
}

const clockOf = (second) => [second / 3600, second / 60 % 60, second % 60]
  .map((part) => String(Math.floor(part)).padStart(2, "0")).join(":");

// An event's text with what was taken out of it put back.
function restored(string, trace) {
  return string.replace(/[\x01-\x04]/g, (mark) => {
    if (mark === "\x01") return trace.marker;
    if (mark === "\x02") return trace.port;
    if (mark === "\x03") {
      return clockOf(trace.clocks.length > 1 ? trace.clocks[trace.clock++] : trace.clocks[0]);
    }
    return trace.values ? trace.values[trace.value++] : ELIDED;
  });
}

function parsed(string) {
  try {
    return JSON.parse(string);
  } catch {
    // What was taken out was no part of a string, but a number itself.
    return JSON.parse(string.replace(/([[,:])\ue004(?=[\],}])/g, `$1"${ELIDED}"`));
  }
}

// The events of a trace, oldest first as they were taken in; null where the page has none.
async function eventsOf(at) {
  if (at < 0) return null;
  const all = await evidence();
  const about = all.about[at];
  const home = index.subjects[about.subject];
  const sequence = all.sequence[all.numbers[at]];
  const trace = { marker: home.markers[about.marker], port: home.ports[about.port],
    clocks: all.clocks[at], clock: 0, values: all.values[at], value: 0 };
  let of = 0, clock = 0;
  const events = sequence.bodies.map((body, place) => {
    const [own, entries] = all.bodies[body].split("\t");
    const event = parsed(restored(own, trace));
    if (entries) {
      event.environ.items = entries.split(",").map((one) => parsed(restored(all.items[one], trace)));
    }
    of += sequence.of[place];
    const passed = all.times[at][place];
    const steps = about.finding ? 2 : 1;
    clock += DETAIL.exact ? passed
      : Math.sign(passed) * (2 ** (Math.abs(passed) / steps) - 1);
    if (event.kind === "open" && !event.address && trace.port) {
      event.address = ["127.0.0.1", Number(trace.port)];
    }
    return { ms: clock / 1000, ...(of ? { of } : {}), ...event };
  });
  return { events, missing: all.missing[at], exact: DETAIL.exact, finding: about.finding };
}
