// Cells by pointer and keyboard: arrows move, Enter opens; one cell is in the order of Tab.
const seen = (one) => !one.row.hidden && !one.row.closest("details:not([open])");
const numberOf = (cell) => order[cell.cellIndex - 1];
const keyOf = (cell) => index.subjects[numberOf(cell)].key;
const idOf = (cell) => `${cell.parentNode.dataset.r}@${keyOf(cell)}`;

function labelled(cell) {
  if (!index || cell.hasAttribute("aria-label")) return;
  const line = lineOf(verdicts[numberOf(cell)].get(cell.parentNode.dataset.r));
  cell.title = line;
  cell.setAttribute("aria-label", plain(`${keyOf(cell)}, ${cell.parentNode.dataset.r}: ${line}`));
}

function focusCell(cell) {
  $("td[tabindex='0']")?.setAttribute("tabindex", "-1");
  cell.tabIndex = 0;
  labelled(cell);
  cell.focus({ preventScroll: true });
  cell.scrollIntoView({ block: "nearest", inline: "nearest" });
}

function keepReachable() {
  const cell = $("#matrix td[tabindex='0']");
  if (cell && seen(rowOf.get(cell.parentNode.dataset.r))) return;
  cell?.setAttribute("tabindex", "-1");
  const first = rows.find(seen);
  if (first && index) {
    const start = first.cells[order[0]];
    start.tabIndex = 0;
    labelled(start);
  }
}

function findCell(id) {
  const at = id.lastIndexOf("@");
  const place = index.subjects.findIndex((subject) => subject.key === id.slice(at + 1));
  const one = rowOf.get(id.slice(0, at));
  return one && place >= 0 ? one.cells[place] : null;
}

// The next or previous cell with a finding among those that are shown.
function step(direction) {
  const here = opened.cell && findCell(opened.cell);
  if (!here) return;
  const alone = filters().of;
  const cells = rows.filter((one) => alone ? !one.row.hidden : seen(one))
    .flatMap((one) => order.map((at) => one.cells[at]))
    .filter((cell) => cell === here || (FOUND.has(WORD[cell.className]) &&
      (!alone || keyOf(cell) === alone)));
  const next = cells[cells.indexOf(here) + direction];
  if (next) go({ cell: idOf(next) }, true);
}

$("#matrix").addEventListener("click", (event) => {
  const cell = event.target.closest("td");
  if (cell?.parentNode.dataset.r && index && !String(getSelection())) {
    focusCell(cell);
    go({ cell: idOf(cell) });
  }
});
$("#matrix").addEventListener("pointerover", (event) => {
  const cell = event.target.closest("td");
  if (cell?.parentNode.dataset.r) labelled(cell);
});
$("#matrix").addEventListener("keydown", (event) => {
  const cell = event.target.closest("td");
  if (!cell || event.altKey || event.ctrlKey || event.metaKey) return;
  if (event.key === "Enter" || event.key === " ") {
    event.preventDefault();
    go({ cell: idOf(cell) });
    return;
  }
  const visible = rows.filter(seen);
  const at = visible.findIndex((one) => one.row === cell.parentNode);
  const last = index.subjects.length;
  const [row, column] = {
    ArrowDown: [at + 1, cell.cellIndex], ArrowUp: [at - 1, cell.cellIndex],
    ArrowRight: [at, cell.cellIndex + 1], ArrowLeft: [at, cell.cellIndex - 1],
    Home: [at, 1], End: [at, last], PageDown: [Math.min(at + 10, visible.length - 1), cell.cellIndex],
    PageUp: [Math.max(at - 10, 0), cell.cellIndex],
  }[event.key] || [-1, 0];
  if (!visible[row] || column < 1 || column > last) return;
  event.preventDefault();
  focusCell(visible[row].cells[order[column - 1]]);
});
