// Who reads alike: for each pair of subjects the share of rules with the same outcome. Of a rule
// that could not be judged on one of them nothing is known, and it does not count.
const codes = new Map();
// The place of an outcome among them all; -1 where nothing is known.
const codeOf = (one, at) => {
  const outcome = WORD[one.cells[at].className];
  return !outcome || outcome === "unsupported" || outcome === "error" ? -1 : ORDER.indexOf(outcome);
};

function codesOf(family) {
  if (!codes.has(family)) {
    const mine = rows.filter((one) => one.family === family);
    codes.set(family, index.subjects.map((_, at) => mine.map((one) => codeOf(one, at))));
  }
  return codes.get(family);
}

function agreement(family, one, two) {
  const [first, second] = [codesOf(family)[one], codesOf(family)[two]];
  let same = 0, of = 0;
  for (let at = 0; at < first.length; at++) {
    if (first[at] < 0 || second[at] < 0) continue;
    of += 1;
    same += first[at] === second[at];
  }
  return { same, of };
}

// All is said only of all: what is left of a percent is never rounded up to it.
const percent = ({ same, of }) => Math.floor(100 * same / of);
const STEPS = [[100, "a0"], [95, "a1"], [90, "a2"], [80, "a3"], [60, "a4"], [0, "a5"]];
const shade = (share) => STEPS.find(([least]) => share >= least)[1];

const judgedAtAll = () => order.filter((at) => index.subjects[at].started && verdicts[at].size);
const shareOf = (family, one, two) => {
  const found = agreement(family, one, two);
  return found.of ? `${found.same} of ${found.of} rules of ${family}, ${percent(found)} %` : `nothing judged of ${family}`;
};

function agreementTable(family, all) {
  const known = (at) => text(index.subjects[at].key);
  const body = all.map((one) => el("tr", {}, el("th", { scope: "row" }, known(one)), all.map((two) => {
    const found = agreement(family, one, two);
    const attributes = { "data-one": one, "data-two": two, tabindex: "-1" };
    if (one === two) return el("td", { ...attributes, class: "self" }, el("span", {}, "–"));
    return el("td", { ...attributes, class: found.of ? shade(percent(found)) : "n" },
      el("span", {}, found.of ? percent(found) : "·"));
  })));
  const made = el("table", { class: "grid agree", role: "grid" },
    el("caption", { class: "quiet" }, `Percent of the rules of ${family} with the same outcome`),
    el("thead", {}, el("tr", {}, el("th", { scope: "col" }, "%"), all.map((at) =>
      el("th", { scope: "col" }, el("span", { class: "head" }, known(at)))))),
    el("tbody", {}, body));
  reachable(made, family);
  return made;
}

// One cell is in the order of Tab; arrows move, Enter opens.
function reachable(made, family) {
  const pairOf = (cell) => [Number(cell.dataset.one), Number(cell.dataset.two)];
  const open = (cell) => {
    const [one, two] = pairOf(cell);
    go(one === two ? { server: index.subjects[one].key }
      : { versus: `${index.subjects[one].key}@${index.subjects[two].key}` });
  };
  const label = (cell) => {
    const [one, two] = pairOf(cell);
    const { key } = index.subjects[one];
    cell.title = plain(one === two ? key
      : `${key} and ${index.subjects[two].key}: the same in ${shareOf(family, one, two)}`);
    cell.setAttribute("aria-label", cell.title);
  };
  const start = $("td", made);
  start.tabIndex = 0;
  label(start);
  made.addEventListener("pointerover", (event) => event.target.closest("td") && label(event.target.closest("td")));
  made.addEventListener("click", (event) => event.target.closest("td") && open(event.target.closest("td")));
  made.addEventListener("keydown", (event) => {
    const cell = event.target.closest("td");
    if (!cell || event.altKey || event.ctrlKey || event.metaKey) return;
    const [down, right] = { ArrowDown: [1, 0], ArrowUp: [-1, 0], ArrowRight: [0, 1], ArrowLeft: [0, -1] }[event.key] || [0, 0];
    const next = made.tBodies[0].rows[cell.parentNode.sectionRowIndex + down]?.cells[cell.cellIndex + right];
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      open(cell);
    } else if (next && next !== cell) {
      event.preventDefault();
      if (next.tagName !== "TD") return;
      cell.tabIndex = -1;
      next.tabIndex = 0;
      label(next);
      next.focus();
    }
  });
}

function agreementPage(family) {
  const all = judgedAtAll();
  if (!FAMILIES.includes(family) || all.length < 2) return null;
  return {
    parts: [
      pageHead(null, "For each pair, the share of rules with the same outcome",
        ["Agreement: ", family],
        el("p", { class: "small" }, "In percent of the rules that were judged on both; what could not be " +
          "judged on one of them does not count. To agree is not to be right: two may fall short alike. " +
          "The order is that of the matrix: columns by likeness bring together who reads alike.")),
      FAMILIES.length > 1 ? el("p", { class: "buttons", role: "group", "aria-label": "Family" },
        FAMILIES.map((name) => button(name, () => go({ agreement: name }, true),
          { class: "chip", "aria-pressed": String(name === family) }))) : null,
      el("div", { class: "wide", tabindex: "0", role: "group", "aria-label": "Table: agreement" },
        agreementTable(family, all)),
      el("p", { class: "small steps-meant" }, STEPS.map(([least, kind], at) => [
        el("span", { class: `step ${kind}` }, at ? `${least}–${STEPS[at - 1][0] - 1}` : "100"), " "])),
      el("p", { class: "small" }, "A cell opens what the two differ in."),
    ],
  };
}

// Both of a pair, on a rule that they differ in: what each did in the check that the graver is for.
function sidesOf(id, pair) {
  const firsts = pair.map((at) => verdicts[at].get(id)[0]);
  const [lead] = [...firsts].sort((one, two) => ORDER.indexOf(two.outcome) - ORDER.indexOf(one.outcome));
  return pair.map((at, place) => {
    const { key } = index.subjects[at];
    const mine = verdicts[at].get(id).filter((verdict) => verdict.probe === lead.probe);
    const shown = mine.find((verdict) => verdict.expected === lead.expected) || mine[0] || firsts[place];
    return el("span", {}, sign(firsts[place].outcome), " ", goButton(text(key), { cell: `${id}@${key}` }),
      ` ${firsts[place].outcome} `, el("i", {}, "observed "), text(shown.observed));
  });
}

function versusPage(one, two) {
  const keys = [one, two].map((at) => index.subjects[at].key);
  const lists = FAMILIES.map((family) => {
    const differ = rows.filter((row) => row.family === family)
      .map((row) => [row, codeOf(row, one), codeOf(row, two)])
      .filter(([, first, second]) => first >= 0 && second >= 0 && first !== second)
      .sort((first, second) => Math.max(second[1], second[2]) - Math.max(first[1], first[2]));
    return el("section", {}, el("h3", {}, "The same in ", shareOf(family, one, two)),
      differ.length ? el("ul", { class: "lines versus" }, differ.map(([row]) => el("li", {},
        goButton(text(row.rule), { rule: row.rule }), " ", levelOf(ruleOf(row.rule)),
        sidesOf(row.rule, [one, two])))) : el("p", { class: "end" }, "They differ in none."));
  });
  return { parts: [
    pageHead(null, "Where two of them differ", [text(keys[0]), " and ", text(keys[1])],
      el("p", { class: "small" }, "Rules on which they came to different outcomes, the gravest first.")),
    lists,
    el("p", { class: "buttons" }, button("All pairs", () => go({ agreement: FAMILIES[0] }))),
  ] };
}
