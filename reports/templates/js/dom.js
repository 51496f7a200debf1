// Building elements. Whatever came from a server becomes text nodes, never markup.
const $ = (selector, from = document) => from.querySelector(selector);
const $$ = (selector, from = document) => [...from.querySelectorAll(selector)];

// What a table of ours has under a name that came from elsewhere.
const own = (table, name) => (Object.hasOwn(table, String(name)) ? table[String(name)] : undefined);

const SVG = "http://www.w3.org/2000/svg";

function fill(node, attributes, children) {
  for (const [key, value] of Object.entries(attributes || {})) {
    if (value !== null && value !== undefined && value !== false) {
      node.setAttribute(key, value === true ? "" : value);
    }
  }
  node.append(...children.flat(4).filter((child) =>
    child !== null && child !== undefined && child !== false));
  return node;
}

const el = (name, attributes, ...children) =>
  fill(document.createElement(name), attributes, children);
const svg = (name, attributes, ...children) =>
  fill(document.createElementNS(SVG, name), attributes, children);

function button(words, act, attributes) {
  const made = el("button", { type: "button", ...attributes }, words);
  made.addEventListener("click", act);
  return made;
}

// A button that copies what a function returns.
function copier(words, what) {
  const made = button(words, async () => {
    try {
      await navigator.clipboard.writeText(await what());
      made.textContent = "Copied";
    } catch {
      made.textContent = "Copying is not allowed here";
    }
  });
  return made;
}

const hex = (number, width) => number.toString(16).padStart(width, "0");

function named(character) {
  const code = character.codePointAt(0);
  if (code < 0x100) return "\\x" + hex(code, 2);
  return code < 0x10000 ? "\\u" + hex(code, 4) : "\\U" + hex(code, 8);
}

// What was taken out of an event to make the page small; stands for one number or address.
const ELIDED = "\ue004";

// Splits a text at what a browser would not show, or would let reorder its surroundings.
function split(string, pattern, show) {
  const nodes = [];
  let at = 0;
  for (const match of string.matchAll(pattern)) {
    if (match.index > at) nodes.push(string.slice(at, match.index));
    nodes.push(match[0] === ELIDED
      ? el("span", { class: "var", title: "left out: differs from run to run" }, "…")
      : el("span", { class: "x" }, show(match[0])));
    if (match[0].endsWith("\n")) nodes.push("\n");
    at = match.index + match[0].length;
  }
  if (at < string.length) nodes.push(string.slice(at));
  return nodes;
}

const escaped = (run) => [...run].map(named).join("");
const text = (value) =>
  split(String(value ?? ""), /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]+|\ue004/gu, escaped);
const lines = (value) =>
  split(String(value ?? ""), /(?:(?!\n)[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}])+|\ue004/gu, escaped);
// The same as a plain string, for attributes and for what is copied.
const plain = (value) => String(value ?? "").replace(
  /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, named).replaceAll(ELIDED, "…");

const sign = (outcome) =>
  el("span", { class: "sign " + (outcome ? outcome[0] : "n"), "aria-hidden": "true" });
const number = (value) => Number(value).toLocaleString("en");
const table = (head, body, kind) =>
  el("table", { class: kind },
    head && el("thead", {}, el("tr", {}, head.map((name) => el("th", { scope: "col" }, name)))),
    el("tbody", {}, body));
const section = (title, ...children) => el("section", {}, el("h3", {}, title), children);
