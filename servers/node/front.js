#!/usr/bin/env node
// Serves a Python WSGI application with Node.js: HTTP here, the application in Python processes
// that are kept, FastCGI on unix sockets between them. Node's own modules alone.
'use strict';

const fs = require('node:fs');
const http = require('node:http');
const os = require('node:os');
const path = require('node:path');
const { parseArgs } = require('node:util');
const { Exchange } = require('./exchange');
const { bare, codeOf, refusal } = require('./refusals');
const { Pool } = require('./workers');

const HELP = `\
usage: node front.js [options] MODULE:ATTR

Serve a Python WSGI application: Node.js speaks HTTP, Python processes that are kept run the
application, each one request at a time. Bodies are streamed both ways.

  MODULE:ATTR          the application, looked for in the working directory first

  --host HOST          address to listen at (127.0.0.1)
  --port PORT          port to listen at, 0 for a free one (8000)
  --workers N          Python processes (one for each processor)
  --python PROGRAM     interpreter of the application, 3.11 or later; it needs nothing of this
                       project installed ($VIRTUAL_ENV/bin/python, or python3)
  --script-name PATH   where the application is mounted, such as /site; what is asked for outside
                       is answered with 404 (everywhere)
  --grace SECONDS      time for requests to end when told to stop (10)
  --help               show this

SIGTERM and SIGINT end it when all requests are answered, a second one at once. Its workers end with
it, however it ends. The exit code is 0 after a signal, 2 for an option, an application or an
address that cannot be used, 1 when it did not end in time.

example:
  node front.js --workers 2 --port 8000 mysite:app
`;
const WRONG_USE = 2;

function log(text) {
  process.stderr.write(`front.js: ${text}\n`);
}

function wrong(text) {
  log(text);
  process.exit(WRONG_USE);
}

function number(options, name, least, most) {
  const text = options[name];
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < least || value > most) {
    wrong(`--${name} ${text}: a whole number from ${least} to ${most}`);
  }
  return value;
}

function readOptions() {
  const venv = process.env.VIRTUAL_ENV;
  const text = (otherwise) => ({ type: 'string', default: otherwise });
  let parsed;
  try {
    parsed = parseArgs({
      allowPositionals: true,
      options: {
        host: text('127.0.0.1'),
        port: text('8000'),
        workers: text(String(os.availableParallelism())),
        python: text(venv ? path.join(venv, 'bin', 'python') : 'python3'),
        'script-name': text(''),
        grace: text('10'),
        help: { type: 'boolean' },
      },
    });
  } catch (error) {
    wrong(`${error.message.split('. ')[0]}; --help lists the options`);
  }
  const { values: options, positionals } = parsed;
  if (options.help) {
    process.stdout.write(HELP);
    process.exit(0);
  }
  if (positionals.length !== 1) wrong('one MODULE:ATTR is needed, such as mysite:app; see --help');
  const mounted = options['script-name'].replace(/\/$/, '');
  if (mounted && !mounted.startsWith('/')) wrong(`--script-name ${mounted}: begins with a slash`);
  return {
    application: positionals[0],
    host: options.host,
    port: number(options, 'port', 0, 65535),
    workers: number(options, 'workers', 1, 1000),
    grace: number(options, 'grace', 0, 86400) * 1000,
    python: options.python,
    // As the path is compared with it: its bytes, one character each.
    mounted: Buffer.from(mounted, 'utf8').toString('latin1'),
  };
}

/** Whether a request-target is at a path or below it. */
function isBelow(target, mounted) {
  const absolute = /^[a-z][a-z0-9+.-]*:\/\/[^/?]*/i.exec(target);
  const [raw] = target.slice(absolute ? absolute[0].length : 0).split('?', 1);
  const decoded = raw.replace(/%([0-9a-f]{2})/gi, (_, hex) => String.fromCharCode(`0x${hex}`));
  return decoded === mounted || decoded.startsWith(`${mounted}/`);
}

class Front {
  constructor(options) {
    this.options = options;
    this.sockets = new Set();
    this.last = new WeakMap(); // socket -> its last exchange
    this.stopping = false;
    this.directory = fs.mkdtempSync(path.join(os.tmpdir(), 'wsgi-node-'));
    process.on('exit', () => fs.rmSync(this.directory, { recursive: true, force: true }));
    for (const name of ['SIGTERM', 'SIGINT']) process.on(name, () => this.stop());
    this.server = http.createServer({
      // Somebody may take hours to upload something; a head that takes a minute is no request.
      requestTimeout: 0,
      insecureHTTPParser: false,
    });
    this.server.maxHeadersCount = 0; // their size is what is limited
    // A client that has said all it has to say still wants to hear the answer.
    this.server.httpAllowHalfOpen = true;
    this.server.on('connection', (socket) => {
      this.sockets.add(socket);
      socket.on('close', () => this.sockets.delete(socket));
    });
    this.server.on('request', (request, response) => this.take(request, response, false));
    this.server.on('checkContinue', (request, response) => this.take(request, response, true));
    // What else a client may expect is for the application to see.
    this.server.on('checkExpectation', (request, response) => this.take(request, response, false));
    this.server.on('connect', (request, socket) => socket.end(bare(501)));
    this.server.on('clientError', (error, socket) => this.misunderstood(error, socket));
    this.server.on('error', (error) => this.unusable(error));
  }

  start() {
    const { host, port } = this.options;
    this.server.listen({ host, port }, () => {
      this.pool = new Pool(this.options, this.directory, {
        log,
        onFailure: (why) => this.failed(why),
        onReady: () => this.announce(),
      });
    });
  }

  announce() {
    const { address, port, family } = this.server.address();
    const { application, workers } = this.options;
    const host = family === 'IPv6' ? `[${address}]` : address;
    const many = workers > 1 ? `${workers} workers` : '1 worker';
    log(`serving ${application} on http://${host}:${port}/ with ${many}`);
  }

  /** Serve a request; those that were sent ahead on one connection one after the other. */
  take(request, response, continues) {
    const { socket } = request;
    const before = this.last.get(socket);
    const { mounted } = this.options;
    const exchange = new Exchange(this.pool, request, response, { continues, mounted });
    this.last.set(socket, exchange);
    response.on('close', () => {
      if (this.last.get(socket) === exchange) this.last.delete(socket);
      if (this.stopping) this.endQuiet();
    });
    const serve = () => {
      if (exchange.over || socket.destroyed) return;
      const code = refusal(request);
      if (code) exchange.fail(code);
      else if (mounted && !isBelow(request.url, mounted)) exchange.fail(404);
      else this.pool.dispatch(exchange);
    };
    if (before) before.response.on('close', serve);
    // Whether the parser understands the coding it says only after this.
    else if ('transfer-encoding' in request.headers) process.nextTick(serve);
    else serve();
  }

  /** Node's parser does not understand what came; what came before is answered first. */
  misunderstood(error, socket) {
    const before = this.last.get(socket);
    const answer = () => {
      if (socket.writable) socket.write(bare(codeOf(error)));
      socket.destroySoon();
    };
    if (error.code === 'ECONNRESET' || !socket.writable) socket.destroy();
    else if (!before) answer();
    else if (before.over || before.request.complete) before.response.on('close', answer);
    else before.fail(codeOf(error)); // the body of that one
  }

  unusable(error) {
    const { host, port } = this.options;
    const reasons = {
      EADDRINUSE: 'the port is in use; --port takes another',
      EACCES: 'not permitted; ports below 1024 are for root',
      EADDRNOTAVAIL: 'no address of this machine; see --host',
      ENOTFOUND: 'no such host; see --host',
    };
    wrong(`cannot listen on ${host}:${port}: ${reasons[error.code] ?? error.message}`);
  }

  /** The application cannot be loaded, or not even Python; the worker has said why. */
  failed(why) {
    this.pool.stopping = true;
    this.pool.kill();
    if (why?.code === 'ENOENT') wrong(`${this.options.python}: no such program; see --python`);
    wrong(`${this.options.application}: the worker did not start (${why?.message ?? why})`);
  }

  stop() {
    if (!this.pool) process.exit(0); // nothing has begun
    if (this.stopping) this.giveUp();
    this.stopping = this.pool.draining = true;
    setTimeout(() => this.giveUp(), this.options.grace).unref();
    this.server.close(() => this.pool.stop(() => process.exit(0)));
    this.endQuiet();
  }

  /** Close connections on which nothing is being answered. */
  endQuiet() {
    for (const socket of this.sockets) if (!this.last.has(socket)) socket.destroySoon();
  }

  giveUp() {
    this.pool.kill();
    process.exit(1);
  }
}

new Front(readOptions()).start();
