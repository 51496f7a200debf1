// Which rows are shown: named questions, words, level, family, section; and one subject alone.
const form = $(".filters");
const FIELDS = ["q", "of", "level", "family", "section", "rows", "columns"];
const WORD = { f: "fail", w: "warn", i: "info", h: "hang", c: "crash", u: "unsupported", e: "error",
  n: null, "": "pass" };

// What the static part leaves out where there are many: addresses of rules, and cells.
for (const name of $$("#matrix tbody tr:not(.group) > th > a, article.rule a:not([href]), p.rule > b")) {
  const id = name.textContent;
  if (name.closest("#matrix")) name.closest("tr").dataset.r = id;
  const link = name.tagName === "A" ? name : el("a", {}, name.textContent);
  if (link !== name) name.replaceChildren(link);
  if (!link.hasAttribute("href")) link.setAttribute("href", `#rule=${encodeURIComponent(id)}`);
}
// Where there are many, neighbours of one outcome stand as one cell until here.
for (const run of $$("tr[data-r] > td[colspan]")) {
  const count = run.colSpan;
  run.removeAttribute("colspan");
  for (let more = 1; more < count; more++) run.after(run.cloneNode(true));
}

const rows = $$("tr[data-r]").map((row, place) => ({
  row, place, rule: row.dataset.r, cells: [...row.cells].slice(1),
  outcomes: [...row.cells].slice(1).map((cell) => WORD[cell.className]).filter(Boolean),
  level: $(".lv", row).classList[1], family: row.closest("[data-family]").dataset.family,
  words: row.cells[0].textContent.toLowerCase(),
}));
const rowOf = new Map(rows.map((one) => [one.rule, one]));
const FAMILIES = [...new Set(rows.map((one) => one.family))];
const familyOf = (id) => rowOf.get(id)?.family || "PEP 3333";

const failed = (one) => one.outcomes.filter((outcome) => FAILED.has(outcome));
const ASKS = {
  "": () => true,
  differs: (one) => new Set(one.outcomes).size > 1,
  alone: (one) => one.outcomes.filter((outcome) => FOUND.has(outcome)).length === 1,
  nobody: (one) => one.outcomes.some((outcome) => FOUND.has(outcome)) && !one.outcomes.includes("pass"),
  hangs: (one) => one.outcomes.some((outcome) => outcome === "hang" || outcome === "crash"),
  must: (one) => one.level === "MUST" && failed(one).length > 0,
  open: (one) => one.outcomes.some((outcome) => outcome === "unsupported" || outcome === "error"),
};

function filters() {
  const found = { ask: $("[data-ask][aria-pressed=true]", form)?.dataset.ask || "" };
  for (const name of FIELDS) found[name] = form.elements[name]?.value || "";
  return found;
}

function setFilters(state) {
  const ask = Object.hasOwn(ASKS, state.get("ask") || "") ? state.get("ask") || "" : "";
  for (const one of $$("[data-ask]", form)) {
    one.setAttribute("aria-pressed", String(one.dataset.ask === ask));
  }
  for (const name of FIELDS) {
    const field = form.elements[name];
    if (!field) continue;
    field.value = state.get(name) || "";
    if (field.selectedIndex === -1) field.value = "";
  }
}

function filter() {
  const state = filters();
  arrange(state);
  const words = state.q.toLowerCase().split(/\s+/).filter(Boolean);
  const section = index ? state.section : "";
  const fits = (one) => words.every((word) => one.words.includes(word)) &&
    (!state.level || one.level === state.level) && (!state.family || one.family === state.family) &&
    (!section || index.rules[one.rule]?.section === section) && ASKS[state.ask](one);
  let shown = 0;
  for (const one of rows) {
    one.row.hidden = !fits(one);
    shown += !one.row.hidden;
  }
  const narrowed = Boolean(words.length || state.ask || state.section);
  for (const part of $$("#matrix tbody, #matrix details, #matrix .family")) {
    const all = $$("tr[data-r]", part);
    const left = all.filter((row) => !row.hidden).length;
    part.hidden = !left;
    if (!all.length || part.matches(".family")) continue;
    $(".group i, summary b", part).textContent = left < all.length ? `${left} of ${all.length}` : all.length;
    if (part.tagName === "DETAILS" && narrowed && left) part.open = true;
  }
  const active = narrowed || state.level || state.family || state.of || state.rows || state.columns;
  $("#shown").textContent = shown < rows.length ? `${shown} of ${rows.length} rules` : "";
  $("[type=reset]", form).hidden = !active;
  listOf(state.of, fits);
  offerUnfolding();
  keepReachable();
}

// One subject by gravity, in place of the matrix.
function listOf(key, fits) {
  const at = index ? index.subjects.findIndex((subject) => subject.key === key) : -1;
  const list = $("#list");
  list.hidden = at < 0;
  $("#matrix").hidden = at >= 0;
  if (at < 0) return list.replaceChildren();
  const subject = index.subjects[at];
  const found = gravityList(at, (id) => rowOf.has(id) && fits(rowOf.get(id)));
  list.replaceChildren(...[
    el("h2", {}, goButton(text(subject.title || subject.key), { server: subject.key }), " ",
      el("small", {}, text(subject.version))),
    el("ul", { class: "figures" }, score(at)),
    ...found,
    subject.started ? null : el("p", { class: "note warning" }, stillborn(subject), lines(subject.failure)),
  ].filter(Boolean));
}

for (const one of $$("[data-ask]", form)) {
  const count = rows.filter(ASKS[one.dataset.ask]).length;
  $("i", one).textContent = count;
  one.disabled = !count;
  one.addEventListener("click", () => {
    for (const other of $$("[data-ask]", form)) {
      other.setAttribute("aria-pressed", String(other === one));
    }
    go({}, false);
  });
}
