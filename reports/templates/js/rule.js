// The page of a rule, made from the rule itself.
function twins(rule) {
  if (!rule?.probes && !rule?.elsewhere && !rule?.untested) return null;
  if (!rule.probes?.length) {
    return section("How it is judged", el("p", {}, text(rule.elsewhere || rule.untested)));
  }
  const names = (title, all, none) => [el("dt", {}, title), el("dd", {}, all.length
    ? all.map((name) => [el("code", {}, text(name)), " "]) : none)];
  return section("How we know that the probes bite",
    el("dl", { class: "pairs" },
      names("bad twins, which must be caught", rule.bad, "none yet: nothing proves that the check can fail"),
      names("good twins, which must stay clean", rule.good, "none")),
    el("p", { class: "small" }, "The tests of the suite run every twin. See for yourself:"),
    el("pre", { tabindex: "0" }, `wsgi-conformance selftest ${rule.id}`));
}

// What each probe accepts: the outcomes that passed or were permitted, then those that were not.
function accepted(id) {
  const checks = byProbe.get(id);
  if (!checks) return null;
  return section("What is accepted", [...checks].map(([probe, all]) => {
    const kinds = new Map();
    for (const verdict of all) {
      const key = JSON.stringify([verdict.outcome, verdict.expected, verdict.observed]);
      kinds.set(key, [...(kinds.get(key) || []), verdict]);
    }
    const sorted = [...kinds.values()].sort((one, two) =>
      ORDER.indexOf(one[0].outcome) - ORDER.indexOf(two[0].outcome) || two.length - one.length);
    return el("details", { open: checks.size < 4 },
      el("summary", {}, el("code", {}, text(probe)), ` ${all.length} verdicts`),
      el("ul", { class: "lines" }, sorted.slice(0, 30).map((same) => el("li", {},
        sign(same[0].outcome), el("b", {}, same[0].outcome), " ",
        el("span", {}, el("i", {}, "expected "), text(same[0].expected)), " ",
        el("span", {}, el("i", {}, "observed "), text(same[0].observed)), " ",
        el("span", { class: "on" }, same.length > 6 ? `on ${same.length}: ` : null,
          [...new Set(same.map((verdict) => verdict.subject))].slice(0, 6).map((at) => [
            goButton(text(index.subjects[at].key), { cell: `${id}@${index.subjects[at].key}` }), " "]),
          same.length > 6 ? "…" : null)))));
  }));
}

function rulePage(id) {
  const rule = ruleOf(id);
  const outcomes = verdicts.map((of) => of.get(id)?.[0].outcome).filter(Boolean);
  const outcome = outcomes.length ? worst(outcomes) : null;
  return {
    parts: [
      pageHead(outcome, ["Rule of ", rule?.family || "a family not known"], text(id),
        el("p", { class: "said" }, text(rule?.summary || "This release does not know the rule.")),
        el("p", { class: "small" }, levelOf(rule),
          rule && rule.text !== rule.level ? ` (the text says ${rule.text})` : null,
          ` binds the ${rule?.party || "?"} · `, sourceOf(rule),
          rule?.implicit ? " · follows from the text without being spelled out" : null)),
      outcomes.length ? section("Everyone's result", others(id, null))
        : el("p", { class: "end" }, "Nothing judged it in this run."),
      rule?.how ? section("How it is probed", el("p", {}, text(rule.how))) : null,
      accepted(id),
      rule ? twins({ ...rule, id }) : null,
      rule?.pitfalls ? section("Limits and pitfalls", el("p", {}, text(rule.pitfalls))) : null,
      el("p", { class: "buttons" }, copier("Copy a link to this rule", () => location.href)),
    ],
  };
}
