// How to see it again, and how to tell others.
const shell = (word) => (/^[\w@%+=:,./~-]+$/.test(word) ? word : `'${plain(word).replaceAll("'", "'\\''")}'`);

function runCommand(subject, verdict) {
  if (subject.kind === "server") {
    const probe = verdict.probe && verdict.probe !== "every-exchange"
      ? ` --probe ${shell(verdict.probe)}` : "";
    return `wsgi-conformance run ${shell(subject.name)}${probe || ` --rule ${shell(verdict.rule)}`}`;
  }
  if (subject.kind === "framework") {
    return `wsgi-conformance frameworks ${shell(subject.name)} --rule ${shell(verdict.rule)}`;
  }
  if (subject.kind === "bridge") return `wsgi-conformance bridges --rule ${shell(verdict.rule)}`;
  if (subject.kind === "middleware") {
    return `wsgi-conformance middleware ${shell(subject.name)} --rule ${shell(verdict.rule)}`;
  }
  return `wsgi-conformance app ${shell(subject.name)} --rule ${shell(verdict.rule)}`;
}

function replayCommand(subject, verdict) {
  const several = (verdicts[index.subjects.indexOf(subject)].get(verdict.rule) || []).length > 1;
  return `wsgi-conformance replay results.json ${shell(subject.name)} ${shell(verdict.rule)}` +
    (several ? ` --probe ${shell(verdict.probe)}` : "");
}

// Bytes as a Python literal.
const literal = (string) => `b"${string.replace(/[^\x20-\x7e]|["\\]/g, (one) =>
  ({ "\r": "\\r", "\n": "\\n", "\t": "\\t", '"': '\\"', "\\": "\\\\" })[one] || named(one))}"`;

// A program of a few lines that sends the bytes of the first connection; null where there is none.
function snippet(events) {
  const first = events.find((event) => event.eye === "client" && event.kind === "sent");
  if (!first) return null;
  const mine = events.filter((event) => event.eye === "client" && event.of === first.of);
  const sent = mine.filter((event) => event.kind === "sent" && isBytes(event.bytes));
  if (sent.some((event) => event.bytes.length !== undefined || event.bytes.damaged)) return null;
  return [
    "import socket",
    "",
    'with socket.create_connection(("127.0.0.1", 8000), 5) as server:',
    ...sent.map((event) => `    server.sendall(${literal(event.bytes.latin1)})`),
    ...(mine.some((event) => event.kind === "half-closed")
      ? ["    server.shutdown(socket.SHUT_WR)"] : []),
    "    while data := server.recv(65536):",
    "        print(data)",
  ].join("\n");
}

const fenced = (string) => "```\n" + string.replaceAll("```", "` ` `") + "\n```";

function issue(subject, verdict, events) {
  const rule = ruleOf(verdict.rule) || {};
  const others = new Map();
  for (const other of index.subjects) {
    const mine = verdicts[index.subjects.indexOf(other)].get(verdict.rule);
    if (other === subject || !mine) continue;
    const outcome = mine[0].outcome;
    others.set(outcome, [...(others.get(outcome) || []), `${other.key} ${other.version}`.trim()]);
  }
  const exchanged = (events || []).filter((event) => event.eye === "client" && isBytes(event.bytes))
    .slice(0, 6).map((event) => `${event.kind}:\n\n${fenced(literal(event.bytes.latin1))}`);
  return plainLines([
    `### ${verdict.rule}: ${verdict.outcome} on ${subject.title || subject.name} ${subject.version}`, "",
    rule.summary ? `> ${rule.summary}` : "", "",
    `${rule.level || ""}, ${rule.source || ""}: ${rule.url || ""}`, "",
    `- expected: ${verdict.expected}`, `- observed: ${verdict.observed}`,
    `- version: ${subject.name} ${subject.version}, ${subject.python}`,
    `- started with: \`${subject.command.join(" ")}\``,
    `- again with: \`${runCommand(subject, verdict)}\` (wsgi-conformance ${index.suite}, ` +
      `edition ${index.edition})`, "",
    ...exchanged, "",
    others.size ? "Others on this rule:" : "", "",
    ...[...others].map(([outcome, names]) => `- ${outcome}: ${names.join(", ")}`),
  ]);
}

// Lines in which nothing hidden travels to where they are pasted.
const plainLines = (all) => all.join("\n").split("\n").map(plain).join("\n");
