// The state is the hash and nothing else: what is filtered, and which page is open.
const PAGES = ["cell", "rule", "server", "pair", "fact", "agreement", "versus"];
const panel = $("#panel");
let opened = {};

function hashOf(page) {
  const state = new URLSearchParams();
  for (const [name, value] of Object.entries(filters())) if (value) state.set(name, value);
  for (const name of PAGES) if (page[name]) state.set(name, page[name]);
  return String(state);
}

// Opens a page, or none, with the filters as they are set; a step within one does not add up.
function go(page, replace) {
  const hash = hashOf(page);
  try {
    history[replace ? "replaceState" : "pushState"](null, "",
      hash ? `#${hash}` : location.pathname + location.search);
    render();
  } catch {
    // A page in a frame may not touch its history; nothing is lost but the permalink.
    show(page);
    filter();
  }
}

function render() {
  const hash = location.hash.slice(1);
  if (hash && !hash.includes("=")) {
    const found = document.getElementById(decodedOf(hash));
    found?.closest("details")?.setAttribute("open", "");
    found?.scrollIntoView({ block: "start" });
    if (panel.open) panel.close();
    filter();
    return;
  }
  const state = new URLSearchParams(hash);
  setFilters(state);
  filter();
  show(Object.fromEntries(PAGES.filter((name) => state.get(name))
    .map((name) => [name, state.get(name)]).slice(0, 1)));
}

function decodedOf(hash) {
  try {
    return decodeURIComponent(hash);
  } catch {
    return hash;
  }
}

function pageOf(page) {
  const [[name, value]] = Object.entries(page);
  const cut = value.lastIndexOf("@");
  const at = subjectNamed(name === "server" ? value : value.slice(cut + 1));
  if (name === "pair") return index.grid[Number(value)] ? pairPage(Number(value)) : null;
  if (name === "rule") return ruleOf(value) || byProbe.has(value) ? rulePage(value) : null;
  if (name === "agreement") return agreementPage(value);
  if (at < 0) return null;
  const other = subjectNamed(value.slice(0, cut));
  if (name === "versus") return other < 0 || other === at ? null : versusPage(other, at);
  if (name === "server") return subjectPage(at);
  return name === "cell" ? cellPage(value.slice(0, cut), at) : factPage(value.slice(0, cut), at);
}

function show(page) {
  const made = Object.keys(page).length && index ? pageOf(page) : null;
  if (!made) {
    if (panel.open) panel.close();
    return;
  }
  opened = page;
  const bar = el("div", { class: "bar" },
    page.cell ? [button("", () => step(-1), { class: "back", "aria-label": "Previous finding", title: "Previous finding" }),
      button("", () => step(1), { class: "on", "aria-label": "Next finding", title: "Next finding" })] : null,
    button("", () => panel.close(), { class: "close", "aria-label": "Close", title: "Close" }));
  panel.replaceChildren(bar, ...made.parts.flat(3).filter(Boolean));
  if (!panel.open) panel.showModal();
  made.ready?.();
  panel.scrollTop = 0;
  $("h2", panel).focus({ preventScroll: true });
}

panel.addEventListener("click", (event) => {
  if (event.target === panel) panel.close();
});
panel.addEventListener("keydown", (event) => {
  if (event.target.closest("pre, input, .wide") || event.altKey || event.ctrlKey || event.metaKey) return;
  const direction = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  if (direction && opened.cell) {
    event.preventDefault();
    step(direction);
  }
});
panel.addEventListener("close", () => {
  const cell = opened.cell && findCell(opened.cell);
  opened = {};
  if (PAGES.some((name) => new URLSearchParams(location.hash.slice(1)).has(name))) go({}, false);
  if (cell && seen(rowOf.get(cell.parentNode.dataset.r))) focusCell(cell);
});

form.addEventListener("input", (event) => go({}, event.target.name === "q"));
form.addEventListener("submit", (event) => event.preventDefault());
form.addEventListener("reset", (event) => {
  event.preventDefault();
  setFilters(new URLSearchParams());
  go({});
});
addEventListener("popstate", render);

// Links of the static part open the same pages.
document.addEventListener("click", (event) => {
  const link = event.target.closest("a[href^='#']");
  const who = event.target.closest("[data-f]");
  const pair = event.target.closest("[data-g]");
  if (!index || event.ctrlKey || event.metaKey || event.shiftKey) return;
  if (who) return go({ fact: `${who.dataset.f}@${index.subjects[who.dataset.s].key}` });
  if (pair) return go({ pair: pair.dataset.g });
  const target = link?.getAttribute("href") || "";
  if (target.startsWith("#rule-") || target.startsWith("#rule=")) {
    event.preventDefault();
    go({ rule: decodedOf(target.slice(6)) });
  } else if (target.startsWith("#agreement=")) {
    event.preventDefault();
    go({ agreement: decodedOf(target.slice(11)) });
  } else if (target.startsWith("#server-")) {
    event.preventDefault();
    go({ server: index.subjects[Number(target.slice(8)) - 1].key });
  }
});
document.addEventListener("keydown", (event) => {
  const target = event.target.closest?.("[data-f], [data-g]");
  if (target && (event.key === "Enter" || event.key === " ")) {
    event.preventDefault();
    target.click();
  }
});

// Light, dark, or as the system says.
const theme = $("#theme");
const system = matchMedia("(prefers-color-scheme: dark)");
function setTheme(name) {
  document.documentElement.dataset.theme = name;
  theme.textContent = name === "dark" ? "Light" : "Dark";
  theme.setAttribute("aria-label", `Switch to ${theme.textContent.toLowerCase()} colours`);
}
theme.hidden = false;
setTheme(system.matches ? "dark" : "light");
system.addEventListener("change", () => setTheme(system.matches ? "dark" : "light"));
theme.addEventListener("click", () =>
  setTheme(document.documentElement.dataset.theme === "dark" ? "light" : "dark"));

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

function saveVerdicts() {
  const all = index.subjects.map((subject, at) => ({ name: subject.key, version: subject.version,
    python: subject.python, started: subject.started,
    verdicts: [...verdicts[at].values()].flat().map(({ rule, probe, outcome, expected, observed }) =>
      ({ rule, probe, outcome, expected, observed })) }));
  const blob = new Blob([JSON.stringify({ edition: index.edition, suite: index.suite, subjects: all },
    null, 1)], { type: "application/json" });
  const link = el("a", { href: URL.createObjectURL(blob), download: "verdicts.json" });
  link.click();
  URL.revokeObjectURL(link.href);
}

document.documentElement.classList.add("js");
// A small screen has the meanings folded, one touch away; others see them.
if (matchMedia("(max-width: 30rem)").matches) $(".signs-meant").open = false;
loadIndex().then(() => {
  for (const grid of $$("#matrix table")) grid.setAttribute("role", "grid");
  for (const one of $$("[data-f], [data-g]")) {
    one.tabIndex = 0;
    one.setAttribute("role", one.tagName === "TD" ? "gridcell" : "button");
  }
  for (const grid of $$("table.grid")) grid.setAttribute("role", "grid");
  const save = $("#save");
  save.hidden = false;
  save.addEventListener("click", saveVerdicts);
  offerSorting();
  if ($("#agreement")) $("#agreement").hidden = judgedAtAll().length < 2;
  document.documentElement.classList.add("ready");
  render();
});
