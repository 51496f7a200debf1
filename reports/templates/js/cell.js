// The page behind a cell: expected against observed first, then the evidence.
const goButton = (words, page) => button(words, () => go(page), { class: "link" });

function pageHead(outcome, above, title, ...below) {
  return el("header", { class: outcome ? outcome[0] : "n" },
    el("p", { class: "on" }, above),
    el("h2", { id: "panel-title", tabindex: "-1" }, outcome ? sign(outcome) : null, title), below);
}

const stillborn = (subject) =>
  (subject.unavailable ? "It cannot run on that machine: " : "It did not start: ");

const levelOf = (rule) => el("b", { class: "lv " + String(rule?.level || "").split(" ")[0] },
  rule?.level || "level not known");
const sourceOf = (rule) => (rule?.url
  ? el("a", { href: rule.url, rel: "noopener noreferrer" }, rule.source)
  : "a rule this release does not know");

const compared = (verdict) => el("dl", {},
  el("dt", {}, "expected"), el("dd", {}, lines(verdict.expected)),
  el("dt", {}, "observed"), el("dd", {}, lines(verdict.observed)));

function verdictItem(verdict, choose) {
  const item = el("li", { class: verdict.outcome[0] },
    el("p", {}, sign(verdict.outcome), el("b", {}, verdict.outcome), " ",
      el("code", {}, text(verdict.probe)),
      verdict.broken && verdict.outcome === "info" ? " did not hold; shown, not judged" : null,
      choose), compared(verdict));
  return item;
}

function nothingOf(verdict) {
  return el("p", { class: "end" }, verdict.trace === -1 ? "Nothing was recorded for this verdict."
    : "The results file holds no evidence for this verdict.");
}

async function showEvidence(body, verdict, subject) {
  body.verdict = verdict;
  let parts;
  try {
    const trace = await eventsOf(verdict.trace);
    parts = [trace ? sections(trace, verdict) : nothingOf(verdict),
      seeItYourself(subject, verdict, trace ? trace.events : [])];
  } catch (error) {
    parts = [el("p", { class: "end" }, `The evidence cannot be read: ${error.message}`)];
  }
  if (body.verdict === verdict) body.replaceChildren(...parts.flat());
}

function seeItYourself(subject, verdict, events) {
  const run = runCommand(subject, verdict);
  const replay = replayCommand(subject, verdict);
  const program = snippet(events);
  const block = (words, code, label) => [el("p", { class: "small" }, words),
    el("pre", { tabindex: "0" }, code), el("p", { class: "buttons" }, copier(label, () => code))];
  return section("See it yourself",
    block("Run the probe again:", run, "Copy the command"),
    verdict.trace >= 0 && subject.kind === "server" ? block("Try this verdict again with the very bytes, " +
      "and see both traces beside each other (--script makes a script of it):", replay, "Copy this one") : null,
    program ? block("Send the same bytes, without the suite, to a server on port 8000:", program,
      "Copy the program") : null,
    el("p", { class: "buttons" },
      copier("Copy as an issue", () => issue(subject, verdict, events)),
      copier("Copy a link to this cell", () => location.href)));
}

function others(id, subject) {
  const found = new Map();
  index.subjects.forEach((other, at) => {
    const mine = verdicts[at].get(id);
    const outcome = mine ? mine[0].outcome : other.started ? "not judged"
      : other.unavailable ? "cannot run there" : "did not start";
    found.set(outcome, [...(found.get(outcome) || []), other]);
  });
  return el("ul", { class: "lines" }, [...found].sort(([one], [two]) =>
    ORDER.indexOf(two) - ORDER.indexOf(one)).map(([outcome, names]) => el("li", {},
    ORDER.includes(outcome) ? sign(outcome) : sign(null), el("b", {}, `${outcome} ${names.length}`), " ",
    names.map((other) => (other === subject ? el("b", {}, text(other.key), " ")
      : [goButton(text(other.key), { cell: `${id}@${other.key}` }), " "])))));
}

function cellPage(id, at) {
  const subject = index.subjects[at];
  const rule = ruleOf(id);
  const mine = verdicts[at].get(id) || [];
  const outcome = mine.length ? mine[0].outcome : null;
  const body = el("div", { class: "evidence" });
  const list = el("ol", { class: "verdicts" }, mine.map((verdict) => {
    const choose = mine.length > 1 ? button("Evidence", () => {
      item.choose();
      body.scrollIntoView({ block: "nearest" });
    }) : null;
    const item = verdictItem(verdict, choose);
    item.choose = () => {
      for (const other of list.children) other.removeAttribute("aria-current");
      item.setAttribute("aria-current", "true");
      body.replaceChildren(el("p", { class: "end" }, "Unpacking…"));
      showEvidence(body, verdict, subject);
    };
    return item;
  }));
  return {
    ready: () => list.firstElementChild?.choose(),
    parts: [
      pageHead(outcome, [goButton(text(subject.title || subject.name), { server: subject.key }), " ",
        text(subject.version), " · ", text(subject.python)], text(id),
      rule?.summary ? el("p", {}, text(rule.summary)) : null,
      el("p", { class: "small" }, levelOf(rule), ` binds the ${rule?.party || "?"} · `, sourceOf(rule),
        " · ", goButton("the rule and how it is checked", { rule: id }))),
      mine.length ? list : el("p", { class: "end" }, subject.started
        ? "This rule was not judged here." : [stillborn(subject), lines(subject.failure)]),
      body,
      section("What others did", others(id, subject)),
      subject.log ? el("details", {}, el("summary", {}, "The end of the server's log"),
        el("pre", { tabindex: "0" }, lines(subject.log))) : null,
    ],
  };
}
