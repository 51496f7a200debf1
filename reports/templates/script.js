"use strict";
// Filters, keyboard and the panel behind each cell. The matrix is complete without any of it.
(() => {
  const { $, $$, el, eventsOf, lines, packed, sections, sign, text, unpack } = Evidence;
  const ORDER = ["pass", "info", "unsupported", "warn", "fail", "hang", "crash", "error"];
  const panel = $("#panel");
  const form = $(".filters");
  const rows = $$("tr[data-rule]");
  document.documentElement.classList.add("js");

  // --- The panel --------------------------------------------------------------------------------

  let opened = null;

  const keyOf = (cell) => `${cell.parentNode.dataset.rule}@${columns[cell.cellIndex - 1].key}`;

  function findCell(id) {
    const at = id.indexOf("@");
    const row = rows.find((one) => one.dataset.rule === id.slice(0, at));
    const place = columns.findIndex((column) => column.key === id.slice(at + 1));
    return row && place >= 0 ? row.cells[place + 1] : null;
  }

  function copyButton(words, what) {
    const button = el("button", { type: "button" }, words);
    button.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(what());
        button.textContent = "Copied";
      } catch {
        button.textContent = "Copying is not allowed here";
      }
    });
    return button;
  }

  function open(cell) {
    opened = cell;
    const place = cell.cellIndex - 1;
    const subject = columns[place];
    const id = cell.parentNode.dataset.rule;
    const rule = index.rules[id] || {};
    const verdicts = subject.verdicts.map((verdict) => verdict.slice(0, 5)
      .map((at) => index.texts[at]).concat(verdict.slice(5)))
      .filter((verdict) => verdict[0] === id)
      .sort((one, two) => ORDER.indexOf(two[2]) - ORDER.indexOf(one[2]));
    const outcome = verdicts.length ? verdicts[0][2] : null;
    const body = el("div", { class: "evidence" });
    const button = (name, label, act) => {
      const made = el("button", { type: "button", class: name, "aria-label": label, title: label });
      made.addEventListener("click", act);
      return made;
    };
    const list = el("ol", { class: "verdicts" }, verdicts.map((verdict) => {
      const [, probe, came, expected, observed, , broken] = verdict;
      const choose = el("button", { type: "button" }, "Evidence");
      const item = el("li", { class: came[0] },
        el("p", {}, sign(came), el("b", {}, came), " ", el("code", {}, text(probe)),
          broken && came === "info" ? " did not hold; shown, not judged" : null,
          verdicts.length > 1 ? choose : null),
        el("dl", {}, el("dt", {}, "expected"), el("dd", {}, text(expected)),
          el("dt", {}, "observed"), el("dd", {}, text(observed))));
      item.choose = () => {
        for (const other of list.children) other.removeAttribute("aria-current");
        item.setAttribute("aria-current", "true");
        showEvidence(body, place, verdict);
      };
      choose.addEventListener("click", item.choose);
      return item;
    }));
    const command = `wsgi-conformance run ${subject.name} --rule ${id}`;
    panel.replaceChildren(
      el("div", { class: "bar" }, button("back", "Previous finding", () => step(-1)),
        button("on", "Next finding", () => step(1)), button("close", "Close", () => panel.close())),
      el("header", { class: outcome ? outcome[0] : "n" },
        el("p", { class: "on" }, text(subject.title || subject.name), " ", text(subject.version),
          " · ", text(subject.python)),
        el("h2", { id: "panel-title", tabindex: "-1" }, outcome ? sign(outcome) : null, text(id)),
        rule.summary ? el("p", {}, text(rule.summary)) : null,
        el("p", { class: "small" }, el("b", {}, rule.level || "level not known"),
          ` · binds the ${rule.party || "?"} · `,
          rule.url ? el("a", { href: rule.url, rel: "noopener noreferrer" },
            rule.source) : "a rule this release does not know")),
      verdicts.length ? list : el("p", { class: "end" }, subject.started
        ? "This rule was not judged on this server." : ["It did not start: ", lines(subject.failure)]),
      body,
      rule.how ? el("details", {}, el("summary", {}, "How it can be checked, and pitfalls"),
        el("p", {}, text(rule.how)), rule.pitfalls ? el("p", {}, text(rule.pitfalls)) : null) : null,
      el("section", {}, el("h3", {}, "See it yourself"), el("pre", { tabindex: "0" }, text(command)),
        el("p", { class: "buttons" }, copyButton("Copy the command", () => command),
          copyButton("Copy a link to this cell", () => location.href))),
      subject.log ? el("details", {}, el("summary", {}, "The end of the server's log"),
        el("pre", { tabindex: "0" }, lines(subject.log))) : null);
    if (list.firstElementChild) list.firstElementChild.choose();
    if (!panel.open) panel.showModal();
    panel.scrollTop = 0;
    $("h2", panel).focus({ preventScroll: true });
  }

  async function showEvidence(body, place, verdict) {
    body.replaceChildren(el("p", { class: "end" }, "Unpacking…"));
    body.verdict = verdict;
    let parts;
    try {
      const events = await eventsOf(place, verdict[5]);
      parts = events ? sections(events) : [el("p", { class: "end" },
        verdict[5] === null ? "Nothing was recorded for this verdict."
          : packed.every ? "The results file holds no evidence for this verdict."
            : "This page leaves out the evidence of passes; results.json has it.")];
    } catch (error) {
      parts = [el("p", { class: "end" }, `The evidence cannot be read: ${error.message}`)];
    }
    if (body.verdict === verdict) body.replaceChildren(...parts);
  }

  // --- Cells by keyboard ------------------------------------------------------------------------

  const seen = (row) => !row.hidden && !(row.closest("details") && !row.closest("details").open);

  function focusCell(cell) {
    $("td[tabindex='0']")?.setAttribute("tabindex", "-1");
    cell.tabIndex = 0;
    cell.setAttribute("aria-label", `${keyOf(cell).replace("@", ", ")}: ${cell.title}`);
    cell.focus();
    cell.scrollIntoView({ block: "nearest", inline: "nearest" });
  }

  function step(direction) {
    const cells = rows.filter(seen).flatMap((row) => [...row.cells].slice(1))
      .filter((cell) => !["p", "i", "n"].includes(cell.className) || cell === opened);
    const next = cells[cells.indexOf(opened) + direction];
    if (next) show(next, true);
  }

  function show(cell, replace) {
    const details = cell.closest("details");
    if (details) details.open = true;
    if (!panel.open) focusCell(cell);
    open(cell);
    save(replace);
  }

  $("#matrix").addEventListener("click", (event) => {
    const cell = event.target.closest("td");
    if (cell?.parentNode.dataset.rule && !String(getSelection())) show(cell);
  });

  $("#matrix").addEventListener("keydown", (event) => {
    const cell = event.target.closest("td");
    if (!cell || event.altKey || event.ctrlKey || event.metaKey) return;
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      show(cell);
      return;
    }
    const visible = rows.filter(seen);
    const at = visible.indexOf(cell.parentNode);
    const last = columns.length;
    const [row, column] = {
      ArrowDown: [at + 1, cell.cellIndex], ArrowUp: [at - 1, cell.cellIndex],
      ArrowRight: [at, cell.cellIndex + 1], ArrowLeft: [at, cell.cellIndex - 1],
      Home: [at, 1], End: [at, last],
    }[event.key] || [-1, 0];
    if (!visible[row] || column < 1 || column > last) return;
    event.preventDefault();
    focusCell(visible[row].cells[column]);
  });

  panel.addEventListener("click", (event) => {
    if (event.target === panel) panel.close();
  });
  panel.addEventListener("close", () => {
    const cell = opened;
    opened = null;
    save(true);
    if (cell) focusCell(cell);
  });

  // --- Filters and the hash ---------------------------------------------------------------------

  function filter() {
    const { q, show: only, level, family } = Object.fromEntries(new FormData(form));
    const words = q.toLowerCase().split(/\s+/).filter(Boolean);
    const active = Boolean(words.length || only || level || family);
    let shown = 0;
    for (const row of rows) {
      const data = row.dataset;
      const label = row.cells[0].textContent.toLowerCase();
      const fits = words.every((word) => label.includes(word)) &&
        (!level || data.level === level) && (!family || data.family === family) &&
        (only !== "differences" || "differs" in data) && (only !== "fails" || "fails" in data);
      row.hidden = !fits;
      shown += fits;
    }
    for (const part of $$("#matrix tbody, #matrix details")) {
      const all = $$("tr[data-rule]", part);
      const left = all.filter((row) => !row.hidden).length;
      part.hidden = !left;
      $(".group i, summary b", part).textContent = left < all.length
        ? `${left} of ${all.length}` : all.length;
      if (part.tagName === "DETAILS" && words.length) part.open = true;
    }
    $("#shown").textContent = active ? `${shown} of ${rows.length} rules` : "";
    $("[type=reset]", form).hidden = !active;
    const reachable = $("td[tabindex='0']");
    if (!reachable || !seen(reachable.parentNode)) {
      reachable?.setAttribute("tabindex", "-1");
      const first = rows.find(seen);
      if (first) first.cells[1].tabIndex = 0;
    }
  }

  function save(replace) {
    const state = new URLSearchParams();
    for (const [name, value] of new FormData(form)) if (value) state.set(name, value);
    if (opened) state.set("cell", keyOf(opened));
    const hash = state.size || String(state) ? `#${state}` : location.pathname + location.search;
    try {
      history[replace ? "replaceState" : "pushState"](null, "", hash);
    } catch {
      // A page opened in a frame may not touch its history; nothing is lost but the permalink.
    }
  }

  function restore() {
    const hash = location.hash.slice(1);
    if (hash && !hash.includes("=")) {
      const target = document.getElementById(decodeURIComponent(hash));
      const details = target?.closest("details");
      if (details) details.open = true;
      target?.scrollIntoView({ block: "center" });
      filter();
      return;
    }
    const state = new URLSearchParams(hash);
    for (const name of ["q", "show", "level", "family"]) {
      form.elements[name].value = state.get(name) || "";
      if (form.elements[name].selectedIndex === -1) form.elements[name].value = "";
    }
    filter();
    const cell = state.get("cell") && findCell(state.get("cell"));
    if (cell && cell !== opened) show(cell, true);
    if (!cell && panel.open) panel.close();
  }

  form.addEventListener("input", () => { filter(); save(true); });
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(() => { filter(); save(true); }));
  addEventListener("hashchange", restore);
  addEventListener("beforeprint", () => {
    for (const details of $$("#matrix details:not([open])")) {
      details.open = true;
      details.dataset.printed = "";
    }
  });
  addEventListener("afterprint", () => {
    for (const details of $$("details[data-printed]")) {
      details.open = false;
      delete details.dataset.printed;
    }
  });

  let index = null;
  let columns = [];
  unpack(packed.index).then((found) => {
    index = found;
    columns = found.subjects;
    for (const grid of $$("#matrix table")) grid.setAttribute("role", "grid");
    document.documentElement.classList.add("ready");
    restore();
  });
})();
