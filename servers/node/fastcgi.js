// The front's side of FastCGI: records to send, and a reader that keeps no content back.
//
// Source: FastCGI Specification 1.0 (Open Market, 1996), sections 3.3, 3.4, 4 and 5.
'use strict';

const TYPE = {
  BEGIN_REQUEST: 1,
  END_REQUEST: 3,
  PARAMS: 4,
  STDIN: 5,
  STDOUT: 6,
  STDERR: 7,
  GET_VALUES: 9,
  GET_VALUES_RESULT: 10,
};
const PROTOCOL = { REQUEST_COMPLETE: 0, CANT_MPX_CONN: 1, OVERLOADED: 2, UNKNOWN_ROLE: 3 };
const RESPONDER = 1;
const KEEP_CONNECTION = 1;
const HEADER = 8;
const LONGEST = 65528; // a multiple of eight: no padding

// The only request of a connection: none is multiplexed.
const ID = 1;

function header(type, id, length) {
  const bytes = Buffer.alloc(HEADER);
  bytes[0] = 1;
  bytes[1] = type;
  bytes.writeUInt16BE(id, 2);
  bytes.writeUInt16BE(length, 4);
  return bytes;
}

/** A stream's content as records, the buffers not copied. An empty one ends the stream. */
function records(type, content) {
  if (content.length === 0) return [header(type, ID, 0)];
  const parts = [];
  for (let start = 0; start < content.length; start += LONGEST) {
    const part = content.subarray(start, start + LONGEST);
    parts.push(header(type, ID, part.length), part);
  }
  return parts;
}

function lengthOf(bytes) {
  if (bytes.length < 128) return Buffer.from([bytes.length]);
  const length = Buffer.alloc(4);
  length.writeUInt32BE((bytes.length | 0x80000000) >>> 0);
  return length;
}

/** Name-value pairs of Latin-1 text. */
function pairs(list) {
  const parts = [];
  for (const [name, value] of list) {
    const [key, content] = [Buffer.from(name, 'latin1'), Buffer.from(value, 'latin1')];
    parts.push(lengthOf(key), lengthOf(content), key, content);
  }
  return Buffer.concat(parts);
}

/** A request up to its body. */
function begin(parameters) {
  const role = Buffer.alloc(8);
  role.writeUInt16BE(RESPONDER);
  role[2] = KEEP_CONNECTION;
  return Buffer.concat([
    header(TYPE.BEGIN_REQUEST, ID, 8),
    role,
    ...records(TYPE.PARAMS, pairs(parameters)),
    header(TYPE.PARAMS, ID, 0),
  ]);
}

/** A question that is answered as soon as the other side has time for this connection. */
function ask() {
  const names = pairs([['FCGI_MAX_REQS', '']]);
  return Buffer.concat([header(TYPE.GET_VALUES, 0, names.length), names]);
}

/**
 * Takes bytes as they arrive. `onPart(type, bytes)` gets content of streams at once, in parts that
 * need not be whole records; `onRecord(type, bytes)` gets whole records of the other types.
 */
class Reader {
  constructor(onPart, onRecord) {
    this.onPart = onPart;
    this.onRecord = onRecord;
    this.header = Buffer.alloc(HEADER);
    this.have = 0; // bytes of the header
    this.type = 0;
    this.left = 0; // bytes of the content
    this.padding = 0;
    this.parts = [];
  }

  /** Take bytes; throws where they are not FastCGI. */
  feed(data) {
    let at = 0;
    while (at < data.length) {
      if (this.have < HEADER) {
        at = this.takeHeader(data, at);
      } else if (this.left > 0) {
        const part = data.subarray(at, at + this.left);
        at += part.length;
        this.left -= part.length;
        this.take(part);
      } else {
        const skipped = Math.min(this.padding, data.length - at);
        at += skipped;
        this.padding -= skipped;
      }
      if (this.have === HEADER && this.left === 0 && this.padding === 0) this.have = 0;
    }
  }

  takeHeader(data, at) {
    const taken = data.copy(this.header, this.have, at, at + HEADER - this.have);
    this.have += taken;
    if (this.have === HEADER) {
      if (this.header[0] !== 1) throw new Error(`version ${this.header[0]} of FastCGI`);
      this.type = this.header[1];
      this.left = this.header.readUInt16BE(4);
      this.padding = this.header[6];
    }
    return at + taken;
  }

  take(part) {
    if (this.type === TYPE.STDOUT || this.type === TYPE.STDERR) {
      this.onPart(this.type, part);
      return;
    }
    this.parts.push(part);
    if (this.left === 0) {
      const content = Buffer.concat(this.parts);
      this.parts = [];
      this.onRecord(this.type, content);
    }
  }
}

module.exports = { PROTOCOL, Reader, TYPE, ask, begin, records };
