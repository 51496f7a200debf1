// What a request says of environ, where its bytes settle it: not what is right, which is for the
// rules to say, but what to compare with. Of a request that is not well-formed nothing is said, nor
// of a key whose value is the server's choice.
const MISSING = Symbol("not in environ");
const TOKEN = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
const REQUEST_LINE = new RegExp(`^(${TOKEN}) ([\\x21-\\x7e]+) (HTTP/1\\.[01])$`);
const FIELD_LINE = new RegExp(`^(${TOKEN}):[ \\t]*([^\\r\\n\\0]*?)[ \\t]*$`);
// What a server may take as its own, or keep to itself.
const OF_THE_SERVER = new Set(["connection", "keep-alive", "transfer-encoding", "te", "trailer", "upgrade",
  "expect", "proxy-connection", "authorization", "proxy-authorization", "proxy"]);

const unquoted = (string) => string.replace(/%([0-9A-Fa-f]{2})/g, (_, code) =>
  String.fromCharCode(parseInt(code, 16)));

// The requests in the bytes of a connection; null unless all of them are plain to see.
function requestsIn(string) {
  const found = [];
  for (let at = 0; at < string.length;) {
    const end = string.indexOf("\r\n\r\n", at);
    if (end < 0) return null;
    const [first, ...fields] = string.slice(at, end).split("\r\n");
    const line = REQUEST_LINE.exec(first);
    const parts = fields.map((field) => FIELD_LINE.exec(field));
    if (!line || !parts.every(Boolean)) return null;
    const headers = new Map();
    for (const [, name, value] of parts) {
      headers.set(name.toLowerCase(), [...(headers.get(name.toLowerCase()) || []), value]);
    }
    const lengths = headers.get("content-length") || ["0"];
    if (lengths.length > 1 || !/^\d{1,9}$/.test(lengths[0])) return null;
    found.push({ method: line[1], target: line[2], version: line[3], headers });
    // The end of a body in chunks is not looked for: what follows is not compared.
    if (headers.has("transfer-encoding")) return found.length === 1 ? found : null;
    at = end + 4 + Number(lengths[0]);
  }
  return found;
}

// Which request each call of the application is for. Only where no other connection was open can a
// call be said to come from one, and only where it has as many calls as requests, from which.
function requestsOf(events) {
  const open = new Set();
  const bytesOf = new Map(), callsOf = new Map();
  for (const event of events) {
    if (event.eye === "client" && event.kind === "open") open.add(event.of);
    if (event.eye === "client" && ["closed", "aborted", "reset", "eof"].includes(event.kind)) open.delete(event.of);
    if (event.eye === "client" && event.kind === "sent") {
      const whole = isBytes(event.bytes) && typeof event.bytes.latin1 === "string" && event.bytes.length === undefined;
      bytesOf.set(event.of, (bytesOf.get(event.of) ?? "") + (whole ? event.bytes.latin1 : "\0"));
    }
    if (event.eye === "app" && event.kind === "called") {
      const [only] = open.size === 1 ? open : [null];
      callsOf.set(only, [...(callsOf.get(only) || []), event]);
    }
  }
  const found = new Map();
  for (const [of, calls] of callsOf) {
    const requests = of === null ? null : requestsIn(bytesOf.get(of) ?? "");
    if (requests?.length !== calls.length) continue;
    // Of a call of the suite's own environ was not kept.
    calls.forEach((call, at) => itemsOf(call).length && found.set(call, requests[at]));
  }
  return found;
}

// The keys that a request settles, and their values.
function settled({ method, target, version, headers }, scriptName) {
  const found = new Map([["REQUEST_METHOD", method], ["SERVER_PROTOCOL", version]]);
  const absolute = /^https?:\/\/[^/?#]*(.*)$/i.exec(target);
  const [path, ...query] = (absolute ? absolute[1] : target).split("?");
  if (path.startsWith("/") && !target.includes("#")) {
    const whole = unquoted(path);
    if (whole.startsWith(scriptName)) found.set("PATH_INFO", whole.slice(scriptName.length));
    found.set("QUERY_STRING", query.join("?"));
  }
  for (const [name, values] of headers) {
    const key = name.toUpperCase().replaceAll("-", "_");
    // With an underscore a name means another one too, and servers drop it.
    if (name.includes("_") || [...headers.keys()].some((other) => other !== name &&
      other.replaceAll("_", "-") === name) || OF_THE_SERVER.has(name) ||
      (values.length > 1 && ["cookie", "host"].includes(name)) || (absolute && name === "host")) continue;
    if (!name.startsWith("content-") || !["CONTENT_LENGTH", "CONTENT_TYPE"].includes(key)) {
      found.set(`HTTP_${key}`, values.join(", "));
    } else if (values.length === 1 && !headers.has("transfer-encoding")) found.set(key, values[0]);
  }
  if (!headers.has("content-length") && !headers.has("transfer-encoding")) found.set("CONTENT_LENGTH", "");
  if (!headers.has("content-type")) found.set("CONTENT_TYPE", "");
  return found;
}

const stringOf = (value) => (typeof value === "string" ? value
  : typeof value?.S === "string" ? value.S : null);
const spaceless = (value) => value.replace(/([,;])[ \t]*/g, "$1");

// Of each key that the request settles, what it says and whether environ says another thing. A
// value of null stands for a field that is in environ and not in the request.
function comparedWith(items, request, inherited) {
  const values = new Map(items);
  const found = new Map();
  for (const [key, value] of settled(request, stringOf(values.get("SCRIPT_NAME")) ?? "")) {
    const told = values.has(key) ? stringOf(values.get(key)) : "";
    if (told === null || told.includes(ELIDED) || value.includes(ELIDED)) continue;
    // Empty and absent are the same but for fields, which are there or are not.
    const absent = !values.has(key) && (key.startsWith("HTTP_") || value !== "");
    const same = key.startsWith("HTTP_") ? spaceless(told) === spaceless(value) : told === value;
    found.set(key, { value, absent, differs: absent || !same });
  }
  const fields = new Set([...request.headers.keys()].map((name) =>
    `HTTP_${name.toUpperCase().replaceAll("-", "_")}`));
  for (const key of values.keys()) {
    if (typeof key === "string" && key.startsWith("HTTP_") && !fields.has(key) && !inherited.has(key) &&
      key !== "HTTP_HOST") found.set(key, { value: null, absent: false, differs: true });
  }
  return found;
}

// The names that a check speaks of.
const spokenOf = (verdict) => new Set(verdict ? [verdict.rule, verdict.expected, verdict.observed,
  ruleOf(verdict.rule)?.summary].join(" ").match(/[A-Za-z_][\w.]*\w/g) : []);
