// One request and its response: from HTTP to a worker and back, nothing held back either way.
'use strict';

const { PROTOCOL, TYPE, begin, records } = require('./fastcgi');
const { REASONS } = require('./refusals');

// RFC 9110 section 7.6.1; a connection is the front's own business.
const HOP_BY_HOP = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);
const LONGEST_HEAD = 1 << 20;
// An unread body up to this size is read and dropped, so that the connection can be used again.
const DRAINED_AT_MOST = 1 << 20;
const SOFTWARE = `node/${process.versions.node}`;

/** The head of a response as CGI has it (RFC 3875 section 6.3). Throws where it is none. */
function parseHead(text) {
  const fields = [];
  let status = null;
  let located = false;
  for (const line of text.split(/\r?\n/)) {
    const colon = line.indexOf(':');
    if (colon < 1) throw new Error(`no header field: ${JSON.stringify(line.slice(0, 80))}`);
    const name = line.slice(0, colon);
    const value = line.slice(line[colon + 1] === ' ' ? colon + 2 : colon + 1);
    const key = name.toLowerCase();
    if (key === 'status') status = value;
    else if (!HOP_BY_HOP.has(key)) fields.push([name, value]);
    located = located || key === 'location';
  }
  status ??= located ? '302 Found' : '200 OK';
  const match = /^(\d{3})(?: (.*))?$/.exec(status);
  if (!match) throw new Error(`no status: ${JSON.stringify(status.slice(0, 80))}`);
  return { code: Number(match[1]), reason: match[2] ?? '', fields };
}

/** The length that a head announces, null for none. Throws where it is none or not one. */
function lengthOf(fields) {
  const lengths = new Set(fields.filter(isLength).map(([, value]) => value.trim()));
  if (lengths.size === 0) return null;
  const [length] = lengths;
  if (lengths.size > 1 || !/^[0-9]+$/.test(length)) {
    throw new Error(`no length: ${JSON.stringify([...lengths]).slice(0, 80)}`);
  }
  return length;
}

function isLength([name]) {
  return name.toLowerCase() === 'content-length';
}

/** Where the head ends and where the body begins; null where it is not whole. */
function endOfHead(bytes) {
  const ends = [
    [bytes.indexOf('\r\n\r\n'), 4],
    [bytes.indexOf('\n\n'), 2],
  ].filter(([at]) => at >= 0);
  if (!ends.length) return null;
  const [at, length] = ends.reduce((one, other) => (other[0] < one[0] ? other : one));
  return { at, after: at + length };
}

class Exchange {
  /**
   * `continues`: the client waits for a 100 before it sends the body. `mounted`: the path that the
   * application is mounted at, in Latin-1.
   */
  constructor(pool, request, response, { continues, mounted }) {
    this.pool = pool;
    this.request = request;
    this.response = response;
    this.continues = continues;
    this.mounted = mounted;
    this.connection = null;
    this.head = []; // what has come of it, null once it is out
    this.accepted = false; // the worker may have begun
    this.forwarded = false; // a part of the body has gone to a worker
    this.framed = true; // the client can tell a response that was cut short
    this.paused = false;
    this.over = false;
    response.on('close', () => this.closed());
    request.on('error', () => {}); // the response closes, too
    // A chunked response to HTTP/1.0 would not be understood, whatever its TE says.
    if (request.httpVersion === '1.0') response.useChunkedEncodingByDefault = false;
  }

  // To the worker

  parameters() {
    const { request } = this;
    const { socket, url } = request;
    const query = url.indexOf('?');
    const list = [
      ['GATEWAY_INTERFACE', 'CGI/1.1'],
      ['SERVER_SOFTWARE', SOFTWARE],
      ['SERVER_PROTOCOL', `HTTP/${request.httpVersion}`],
      ['SERVER_NAME', socket.localAddress ?? ''],
      ['SERVER_PORT', String(socket.localPort ?? 0)],
      ['REMOTE_ADDR', socket.remoteAddress ?? ''],
      ['REMOTE_PORT', String(socket.remotePort ?? 0)],
      ['REQUEST_SCHEME', 'http'],
      ['REQUEST_METHOD', request.method],
      ['REQUEST_URI', url],
      ['SCRIPT_NAME', this.mounted],
      ['QUERY_STRING', query < 0 ? '' : url.slice(query + 1)],
    ];
    if (this.continues) list.push(['CONTINUE_WANTED', '1']);
    const raw = request.rawHeaders;
    for (let at = 0; at < raw.length; at += 2) {
      const name = raw[at].toUpperCase();
      // With an underscore it could pass for another one with a hyphen.
      if (name.includes('_')) continue;
      const key = name.replaceAll('-', '_');
      const own = key === 'CONTENT_TYPE' || key === 'CONTENT_LENGTH';
      list.push([own ? key : `HTTP_${key}`, raw[at + 1]]);
    }
    return list;
  }

  begin(connection) {
    this.connection = connection;
    const { request } = this;
    const { socket } = connection;
    const head = begin(this.parameters());
    const accepted = (error) => (this.accepted ||= !error);
    const hasBody =
      'transfer-encoding' in request.headers || Number(request.headers['content-length']) > 0;
    if (!hasBody) {
      socket.write(Buffer.concat([head, ...records(TYPE.STDIN, '')]), accepted);
      request.resume();
      return;
    }
    socket.write(head, accepted);
    request.on('data', (this.onBody = (data) => this.input(data)));
    request.on('end', (this.onBodyEnd = () => this.send('')));
  }

  input(data) {
    this.forwarded = true;
    if (!this.send(data)) {
      this.request.pause();
      this.connection.socket.once('drain', () => this.over || this.request.resume());
    }
  }

  /** Send a part of the body, an empty one for its end; whether more may follow at once. */
  send(data) {
    if (!this.connection) return true;
    const { socket } = this.connection;
    let goesOn = true;
    socket.cork();
    for (const part of records(TYPE.STDIN, data)) goesOn = socket.write(part);
    socket.uncork();
    return goesOn;
  }

  // From the worker

  /** Hold back what is sent until `uncork` of the socket that is returned: one write for all. */
  cork() {
    // Not the response's own cork(): in Node 20 a full one may never tell of its drain.
    const { socket } = this.response;
    socket?.cork();
    return socket;
  }

  output(bytes) {
    if (this.over) return;
    if (this.head === null) {
      this.write(bytes);
      return;
    }
    this.head.push(bytes);
    let all = this.head.length > 1 ? Buffer.concat(this.head) : bytes;
    for (let end; this.head !== null && (end = endOfHead(all)); ) {
      const text = all.latin1Slice(0, end.at);
      all = all.subarray(end.after);
      this.head = [all];
      if (!this.takeHead(text)) return;
    }
    if (this.head === null) this.write(all);
    else if (all.length > LONGEST_HEAD) this.fail(502, 'its head does not end');
  }

  /** Send a head on; whether what follows is to be looked at. */
  takeHead(text) {
    const { response, request } = this;
    try {
      const { code, reason, fields } = parseHead(text);
      if (code === 100) {
        if (this.continues) response.writeContinue();
        this.continues = false;
        return true;
      }
      // Nobody has asked to switch to anything, and other interim statuses have no end.
      if (code < 200) throw new Error(`status ${code}`);
      const length = lengthOf(fields);
      const kept = fields.filter((field) => !isLength(field));
      // RFC 9110 section 8.6: no length where there can be no content.
      if (length !== null && code !== 204) kept.push(['Content-Length', length]);
      if (this.pool.draining) response.shouldKeepAlive = false;
      response.writeHead(code, reason, kept.flat());
      this.framed = length !== null || request.httpVersion === '1.1';
      this.head = null;
      return true;
    } catch (error) {
      this.fail(502, error.message);
      return false;
    }
  }

  write(bytes) {
    if (bytes.length === 0 || this.response.write(bytes) || this.paused) return;
    this.paused = true;
    this.connection.socket.pause();
    this.response.once('drain', () => this.readOn());
  }

  readOn() {
    if (this.paused) this.connection?.socket.resume();
    this.paused = false;
  }

  ended(protocol) {
    // The connection is the next exchange's, even where this response is still on its way.
    this.readOn();
    this.connection = null;
    if (this.over) return;
    if (protocol === PROTOCOL.OVERLOADED && this.head !== null) {
      this.again();
    } else if (protocol !== PROTOCOL.REQUEST_COMPLETE || this.head !== null) {
      this.fail(502, `it ended a request with ${protocol}`);
    } else {
      this.finish();
    }
  }

  /** The connection to the worker has ended in the middle. */
  lost(error) {
    this.connection = null;
    if (this.over) return;
    // Where not even the parameters got through, nothing can have begun.
    if (error?.code === 'EPIPE' && !this.accepted) this.again();
    else this.fail(502, 'it ended in the middle of a request');
  }

  /** Let another worker serve what none has begun. */
  again() {
    this.leaveBody();
    if (this.forwarded) {
      this.refuse();
    } else {
      this.accepted = false;
      this.request.pause();
      this.pool.dispatch(this);
    }
  }

  // Ends

  finish() {
    this.over = true;
    this.response.end();
    this.discard();
  }

  /** Drop what is left of the body, within reason. */
  discard() {
    const { request } = this;
    if (request.complete || request.destroyed) return;
    this.leaveBody();
    let dropped = 0;
    request.on('data', (data) => {
      dropped += data.length;
      if (dropped > DRAINED_AT_MOST) request.socket.destroy();
    });
    request.resume();
  }

  leaveBody() {
    if (this.onBody) {
      this.request.off('data', this.onBody);
      this.request.off('end', this.onBodyEnd);
    }
  }

  refuse() {
    this.fail(503, 'no worker could be started');
  }

  /** Answer with an error, or cut short what has begun, so that nobody takes it for whole. */
  fail(code, why) {
    const { response, connection } = this;
    if (code >= 502) process.stderr.write(`front.js: ${code} for a worker: ${why}\n`);
    this.over = true;
    if (connection) connection.socket.destroy();
    if (response.headersSent) {
      if (this.framed) response.socket?.destroySoon();
      else response.socket?.resetAndDestroy();
      return;
    }
    // What is left of a request that is not understood cannot be told from the next one.
    if (code < 502 && code !== 404) response.shouldKeepAlive = false;
    const body = `${code} ${REASONS[code]}\n`;
    const fields = ['Content-Type', 'text/plain', 'Content-Length', String(body.length)];
    response.writeHead(code, REASONS[code], fields);
    response.end(body);
    this.discard();
  }

  /** The response has ended, or the client has gone: then the worker shall know. */
  closed() {
    if (this.over) return;
    this.over = true;
    this.pool.forget(this);
    if (this.connection) this.connection.socket.destroy();
  }
}

module.exports = { Exchange };
