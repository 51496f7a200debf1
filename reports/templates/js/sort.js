// The order of rows and columns: as the page has it, or as the form says. Families and the parts
// that are folded stay apart; a subject keeps its number wherever its column stands.
const heads = $$("#matrix thead tr").map((row) => [...row.cells]);
const tables = $$("#matrix table").map((grid) => ({ grid, bodies: [...grid.tBodies].map((body) =>
  [body, $$("tr[data-r]", body).map((row) => rowOf.get(row.dataset.r))]) }));
// Numbers of the subjects as their columns stand.
let order = heads.length ? heads[0].slice(1).map((_, at) => at) : [];
const arranged = { rows: "", columns: "" };

const LEVELS = ["MUST", "SHOULD", "information"];
const passing = (one) => one.outcomes.filter((outcome) => outcome === "pass").length;
// How likely two of those judged are to differ.
const divided = (one) => 1 - [...new Set(one.outcomes)].reduce((sum, outcome) =>
  sum + (one.outcomes.filter((other) => other === outcome).length / one.outcomes.length) ** 2, 0);
const inText = (one, two) => (one < two ? -1 : one > two ? 1 : 0);
const outcomeOn = (one, at) => ORDER.indexOf(WORD[one.cells[at].className]);
const ROWS_BY = {
  rule: ["rule", (one, two) => inText(one.rule, two.rule)],
  section: ["section", (one, two) =>
    inText(ruleOf(one.rule)?.section || "", ruleOf(two.rule)?.section || "")],
  passing: ["how few pass", (one, two) => passing(one) - passing(two)],
  divided: ["how divided they are", (one, two) => divided(two) - divided(one)],
};

const subjectNamed = (key) => index.subjects.findIndex((subject) => subject.key === key);

function rowsBy(by) {
  if (Object.hasOwn(ROWS_BY, by)) return ROWS_BY[by];
  const at = subjectNamed(by.slice(1));
  return at < 0 ? null
    : [`what ${by.slice(1)} did`, (one, two) => outcomeOn(two, at) - outcomeOn(one, at)];
}

function sortRows(by) {
  const chosen = by && rowsBy(by);
  for (const { grid, bodies } of tables) {
    $("tbody.sorted", grid)?.remove();
    for (const [body, mine] of bodies) body.append(...mine.map((one) => one.row));
    const all = bodies.flatMap(([, mine]) => mine);
    if (!chosen || !all.length) continue;
    all.sort((one, two) => chosen[1](one, two) ||
      LEVELS.indexOf(one.level) - LEVELS.indexOf(two.level) || one.place - two.place);
    grid.append(el("tbody", { class: "sorted" }, el("tr", { class: "group" },
      el("th", { colspan: order.length + 1, scope: "rowgroup" },
        el("span", {}, "By ", text(chosen[0]), " ", el("i", {}, all.length)))),
    all.map((one) => one.row)));
  }
  const stand = $$("#matrix tr[data-r]").map((row) => rowOf.get(row.dataset.r));
  rows.splice(0, rows.length, ...stand);
}

// What a column is sorted by: whether it started, broken MUSTs of each family, all its findings.
function shortOf(at) {
  const found = rows.filter((one) => FOUND.has(WORD[one.cells[at].className]));
  const musts = found.filter((one) => one.level === "MUST" && FAILED.has(WORD[one.cells[at].className]));
  return [index.subjects[at].started ? 0 : 1,
    ...FAMILIES.map((family) => musts.filter((one) => one.family === family).length), found.length];
}

// Each next to the one it agrees with most, beginning with who agrees most with all.
function alike(all) {
  const near = (one, two) => {
    const pairs = FAMILIES.map((family) => agreement(family, one, two)).filter(({ of }) => of);
    return pairs.reduce((sum, { same, of }) => sum + same / of, 0) / (pairs.length || 1);
  };
  const best = (from, value) => from.reduce((one, two) => (value(two) > value(one) ? two : one));
  const left = new Set(all);
  const found = [];
  for (let next = best(all, (one) => all.reduce((sum, two) => sum + near(one, two), 0)); ;
    next = best([...left], (one) => near(one, found.at(-1)))) {
    found.push(next);
    left.delete(next);
    if (!left.size) return found;
  }
}

function columnsBy(by) {
  const all = heads.length ? heads[0].slice(1).map((_, at) => at) : [];
  const named = (at) => index.subjects[at].key.toLowerCase();
  if (by === "name") return all.sort((one, two) => inText(named(one), named(two)));
  if (by === "broken") {
    const counts = all.map(shortOf);
    return all.sort((one, two) => counts[one].map((count, at) => count - counts[two][at])
      .find((less) => less) || one - two);
  }
  return by === "alike" && all.length ? alike(all) : all;
}

function sortColumns(by) {
  order = columnsBy(by);
  for (const [, ...cells] of heads) cells[0]?.parentNode.append(...order.map((at) => cells[at]));
  for (const one of rows) one.row.append(...order.map((at) => one.cells[at]));
}

function arrange({ rows: by, columns }) {
  if (!index || (by === arranged.rows && columns === arranged.columns)) return;
  if (by !== arranged.rows) sortRows(by);
  if (columns !== arranged.columns) sortColumns(columns);
  Object.assign(arranged, { rows: by, columns });
  heads.forEach(([corner, ...cells]) => {
    const mark = (head, is) => (is ? head.setAttribute("aria-sort", head === corner ? "ascending" : "descending")
      : head.removeAttribute("aria-sort"));
    mark(corner, by === "rule");
    cells.forEach((head, at) => {
      mark(head, by === `@${index.subjects[at].key}`);
      $(".sort", head)?.setAttribute("aria-pressed", String(by === `@${index.subjects[at].key}`));
    });
  });
}

// What only a script can offer: rows by the outcomes of one subject, in the form and in the heads.
function offerSorting() {
  const field = form.elements.rows;
  for (const [name, [words]] of Object.entries(ROWS_BY)) field.append(el("option", { value: name }, words));
  for (const { key } of index.subjects) field.append(el("option", { value: `@${key}` }, plain(`what ${key} did`)));
  for (const [, ...cells] of $("#matrix").matches(".dense") ? [] : heads) {
    cells.forEach((head, at) => {
      const { key, started } = index.subjects[at];
      if (!started || !$("a.head", head)) return;
      head.append(button("", () => {
        field.value = field.value === `@${key}` ? "" : `@${key}`;
        go({});
      }, { class: "sort", "aria-pressed": "false", title: "Worst first",
        "aria-label": plain(`Sort the rules by what ${key} did`) }));
    });
  }
}

// All that is folded, of the matrix or of the list in its place, open or shut at once.
const folds = () => $$("#matrix:not([hidden]) details, #list:not([hidden]) details");
const unfold = $("#unfold");

function offerUnfolding() {
  const all = folds();
  unfold.hidden = !all.length;
  unfold.textContent = all.every((one) => one.open) ? "Fold all" : "Unfold all";
}

unfold.addEventListener("click", () => {
  const all = folds();
  const open = !all.every((one) => one.open);
  for (const one of all) one.open = open;
  offerUnfolding();
  keepReachable();
});
for (const part of $$("#matrix, #list")) part.addEventListener("toggle", offerUnfolding, true);
