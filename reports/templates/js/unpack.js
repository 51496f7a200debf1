// What is packed into the page: deflated, in base 85 without its less-than sign.
const ALPHABET =
  "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;,=>?@^_`{|}~";

function bytesOf(packed) {
  const value = new Uint8Array(128);
  [...ALPHABET].forEach((one, at) => { value[one.charCodeAt(0)] = at; });
  const whole = Math.ceil(packed.length / 5);
  const view = new DataView(new ArrayBuffer(whole * 4));
  for (let at = 0; at < whole; at++) {
    let word = 0;
    for (let place = at * 5; place < at * 5 + 5; place++) {
      word = word * 85 + (place < packed.length ? value[packed.charCodeAt(place)] : 84);
    }
    view.setUint32(at * 4, word);
  }
  return new Uint8Array(view.buffer, 0, packed.length - whole);
}

async function inflate(id) {
  const stream = new Blob([bytesOf($("#" + id).textContent)]).stream()
    .pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

const latin1 = new TextDecoder("latin1");

function reader(bytes) {
  let at = 0;
  const one = () => {
    let found = 0;
    for (let factor = 1; ; factor *= 128) {
      const byte = bytes[at++];
      found += (byte & 127) * factor;
      if (byte < 128 || byte === undefined) return found;
    }
  };
  return { one, many: (count) => Array.from({ length: count }, one), rest: () => bytes.subarray(at) };
}

const zigzag = (coded) => (coded % 2 ? -(coded + 1) / 2 : coded / 2);

function traceHeads(column, rows) {
  let subject = 0;
  return Array.from({ length: rows }, () => {
    subject += zigzag(column.one());
    const [marker, port, finding] = column.many(3);
    return { subject, marker, port, finding: Boolean(finding) };
  });
}

// Each time of day counts from the last one of its subject.
function timesOfDay(column, about) {
  const last = new Map();
  return about.map(({ subject }) => column.many(column.one()).map((passed) => {
    const clock = (last.get(subject) || 0) + zigzag(passed);
    last.set(subject, clock);
    return clock;
  }));
}

// All traces of the page; made when the first of them is asked for, and kept.
const evidence = (() => {
  let kept = null;

  async function load() {
    const [pools, bytes] = await Promise.all([inflate("pools"), inflate("traces")]);
    const [items, bodies] = latin1.decode(pools).split("\0").map((one) => one.split("\n"));
    const all = reader(bytes);
    const [sequences, rows] = all.many(2);
    const sizes = all.many(8);
    const rest = all.rest();
    let from = 0;
    const column = sizes.map((size) => reader(rest.subarray(from, from += size)));
    const values = JSON.parse(latin1.decode(rest.subarray(from)));
    const lengths = column[0].many(sequences);
    const sequence = lengths.map((length) => ({
      bodies: column[1].many(length), of: column[2].many(length).map(zigzag) }));
    const numbers = column[3].many(rows);
    const about = traceHeads(column[4], rows);
    const missing = column[5].many(rows);
    const clocks = timesOfDay(column[6], about);
    const times = numbers.map((one) => column[7].many(lengths[one]).map(zigzag));
    return { items, bodies, values, sequence, numbers, about, missing, clocks, times };
  }

  return () => (kept ||= load());
})();
