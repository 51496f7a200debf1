// The page of a subject, the same as a list in place of the matrix, and the page of a pair.
const GRAVITY = [
  ["error", "The suite could not judge"], ["crash", "Crashes"], ["hang", "Hangs"],
  ["fail", "Broken MUSTs"], ["warn", "Broken SHOULDs, and what leaves some room"],
  ["unsupported", "Could not be checked: the precondition was refused"],
  ["info", "Permitted choices"], ["pass", "Passes"],
];

const firstOf = (at, keep = () => true) => [...verdicts[at]].filter(([id]) => keep(id))
  .map(([, mine]) => mine[0]);

function gravityList(at, keep) {
  const subject = index.subjects[at];
  const all = firstOf(at, keep);
  return ["PEP 3333", "HTTP"].map((family) => {
    const mine = all.filter((verdict) => familyOf(verdict.rule) === family);
    if (!mine.length) return null;
    return el("div", { class: "gravity" }, el("h3", {}, family), GRAVITY.map(([outcome, title]) => {
      const found = mine.filter((verdict) => verdict.outcome === outcome);
      if (!found.length) return null;
      found.sort((one, two) => two.broken - one.broken);
      return el("details", { open: FOUND.has(outcome) },
        el("summary", {}, sign(outcome), ` ${title} `, el("i", {}, found.length)),
        el("ul", { class: "lines" }, found.map((verdict) => el("li", {},
          goButton(text(verdict.rule), { cell: `${verdict.rule}@${subject.key}` }), " ",
          levelOf(ruleOf(verdict.rule)), " ",
          el("span", {}, el("i", {}, "expected "), text(verdict.expected)), " ",
          el("span", {}, el("i", {}, "observed "), text(verdict.observed))))));
    }));
  });
}

function score(at) {
  const found = new Map();
  for (const verdict of firstOf(at)) {
    const level = String(ruleOf(verdict.rule)?.level || "").split(" ")[0];
    if (verdict.outcome === "info" || !["MUST", "SHOULD"].includes(level)) continue;
    const key = `${familyOf(verdict.rule)} ${level}`;
    const [passed, judged] = found.get(key) || [0, 0];
    found.set(key, [passed + (verdict.outcome === "pass"), judged + 1]);
  }
  return ["PEP 3333 MUST", "PEP 3333 SHOULD", "HTTP MUST", "HTTP SHOULD"].filter((key) => found.has(key))
    .map((key) => el("li", {}, el("b", {}, found.get(key).join("/")), ` ${key}`));
}

function factTable(subject) {
  if (!subject.facts.length) return null;
  const word = (at) => index.texts[at];
  return section("Facts", table(["Fact", "Value", "Probe"], subject.facts.map(([name, value, probe, trace]) =>
    el("tr", {}, el("th", { scope: "row" }, text(word(name))), el("td", {}, text(word(value))),
      el("td", {}, trace >= 0
        ? goButton(text(word(probe)), { fact: `${word(name)}@${subject.key}` })
        : text(word(probe))))), "environ"));
}

function subjectPage(at) {
  const subject = index.subjects[at];
  const about = [["engine", subject.family], ["version", subject.version], ["Python", subject.python],
    ["started with", subject.command.join(" ")], ["first answer after", `${subject.startedIn} s`],
    ["judged in", `${subject.duration} s, ${number(subject.exchanges)} connections`]];
  return {
    parts: [
      pageHead(subject.started ? null : "error", text(subject.kind), text(subject.title || subject.name),
        el("ul", { class: "figures" }, score(at))),
      subject.failure ? el("pre", { class: "failure", tabindex: "0" }, lines(subject.failure)) : null,
      el("dl", { class: "pairs" }, about.filter(([, value]) => value).map(([name, value]) =>
        [el("dt", {}, name), el("dd", {}, text(value))])),
      subject.homepage.startsWith("https://") || subject.homepage.startsWith("http://")
        ? el("p", {}, el("a", { href: subject.homepage, rel: "noopener noreferrer" },
          text(subject.homepage))) : null,
      section("Findings by gravity", gravityList(at)),
      subject.started && judgedAtAll().length > 1 ? el("p", {},
        goButton("Who agrees with it in how much", { agreement: FAMILIES[0] })) : null,
      factTable(subject),
      subject.log ? el("details", {}, el("summary", {}, "The end of its log"),
        el("pre", { tabindex: "0" }, lines(subject.log))) : null,
      section("See it yourself", el("pre", { tabindex: "0" },
        runCommand(subject, { probe: "", rule: "*" }).replace(/ --rule '\*'$/, ""))),
    ],
  };
}

function factPage(name, at) {
  const subject = index.subjects[at];
  const found = subject.facts.find(([one]) => index.texts[one] === name);
  const body = el("div", { class: "evidence" });
  const verdict = found && { rule: name, probe: index.texts[found[2]], trace: found[3] };
  return {
    ready: () => verdict && showEvidence(body, verdict, subject),
    parts: [
      pageHead(null, ["Fact of ", goButton(text(subject.key), { server: subject.key })], text(name)),
      el("p", {}, el("b", {}, text(found ? index.texts[found[1]] : "not found out"))), body,
    ],
  };
}

function pairPage(at) {
  const word = (place) => index.texts[place];
  const [server, framework, ...rest] = index.grid[at];
  const [serverVersion, frameworkVersion, pythonOf, started, failure, behaviours] = rest;
  const outcomes = behaviours.map(([outcome]) => index.outcomes[outcome]);
  return {
    parts: [
      pageHead(started ? worst(outcomes.length ? outcomes : ["error"]) : "error",
        text(word(pythonOf)), [text(word(framework)), " on ", text(word(server))],
        el("p", { class: "small" }, text(word(framework)), " ", text(word(frameworkVersion)), " · ",
          text(word(server)), " ", text(word(serverVersion)))),
      started ? null : el("pre", { class: "failure", tabindex: "0" }, lines(word(failure))),
      el("ol", { class: "verdicts" }, behaviours.map(([outcome, name, expected, observed, exchange]) => ({
        outcome: index.outcomes[outcome], probe: word(name), expected: word(expected),
        observed: word(observed), exchange })).sort((one, two) =>
        ORDER.indexOf(two.outcome) - ORDER.indexOf(one.outcome)).map((behaviour) => {
        const item = verdictItem(behaviour, null);
        if (behaviour.exchange !== null) {
          item.append(el("pre", { tabindex: "0" }, lines(word(behaviour.exchange))));
        }
        return item;
      })),
    ],
  };
}
