// Python workers: processes that are kept, a FastCGI connection to each, requests in turn.
'use strict';

const { spawn } = require('node:child_process');
const net = require('node:net');
const path = require('node:path');
const { PROTOCOL, Reader, TYPE, ask } = require('./fastcgi');

const SCRIPT = path.join(__dirname, 'worker.py');
const RETRY = 1000; // ms before a worker that did not start is started again
const PATIENCE = 10000; // ms for a worker that takes no connections any more to end

/** A connection to a worker. The exchange that is on it hears of all that arrives. */
class Connection {
  constructor(address, worker) {
    this.worker = worker;
    this.exchange = null;
    this.error = null;
    this.reader = new Reader(
      (type, bytes) => this.part(type, bytes),
      (type, bytes) => this.record(type, bytes),
    );
    this.socket = net.connect(address);
    this.socket.write(ask());
    this.socket.on('data', (data) => this.data(data));
    this.socket.on('error', (error) => (this.error = error));
    this.socket.on('close', () => worker.disconnected(this));
  }

  data(data) {
    const corked = this.exchange?.cork();
    try {
      this.reader.feed(data);
    } catch (error) {
      this.socket.destroy(error);
    }
    corked?.uncork();
  }

  part(type, bytes) {
    if (type === TYPE.STDERR) process.stderr.write(bytes);
    else if (this.exchange) this.exchange.output(bytes);
  }

  record(type, bytes) {
    if (type === TYPE.GET_VALUES_RESULT) {
      this.worker.idle();
    } else if (type === TYPE.END_REQUEST) {
      const { exchange } = this;
      const protocol = bytes[4];
      this.exchange = null;
      if (exchange) exchange.ended(protocol);
      // One that is overloaded is about to end; it takes no more.
      if (protocol !== PROTOCOL.OVERLOADED) this.worker.idle();
    }
  }
}

/** One Python process, and its successor's place in the turn. */
class Worker {
  constructor(pool, number) {
    this.pool = pool;
    this.number = number;
    this.start();
  }

  start() {
    const { options } = this.pool;
    this.state = 'starting'; // then: connecting, idle, busy, gone
    this.address = path.join(this.pool.directory, `${this.number}.${this.pool.started++}`);
    const words = [SCRIPT, '--socket', this.address, '--follow-stdin', '--ready-fd', '3'];
    if (options.workers > 1) words.push('--multiprocess');
    this.process = spawn(options.python, [...words, options.application], {
      stdio: ['pipe', 'inherit', 'inherit', 'pipe'],
    });
    const ended = (why) => {
      if (this.state !== 'gone') this.ended(why);
    };
    this.process.on('error', (error) => ended(error));
    this.process.on('exit', (code, signal) => ended(signal || `status ${code}`));
    this.process.stdin.on('error', () => {}); // it has ended: that is told above
    this.process.stdio[3].once('data', () => {
      this.connect();
      this.pool.ready();
    });
  }

  connect() {
    this.state = 'connecting';
    this.connection = new Connection(this.address, this);
  }

  idle() {
    if (this.state === 'gone') return;
    this.state = 'idle';
    this.pool.free(this);
  }

  serve(exchange) {
    this.state = 'busy';
    this.connection.exchange = exchange;
    exchange.begin(this.connection);
  }

  disconnected(connection) {
    const { exchange } = connection;
    connection.exchange = null;
    if (exchange) exchange.lost(connection.error);
    if (connection !== this.connection || this.state === 'gone') return;
    if (this.state === 'connecting' && !this.pool.stopping) {
      // It listens no more, so it is ending. Nobody shall wait for it for ever.
      const { process: ending } = this;
      setTimeout(() => ending.kill('SIGKILL'), PATIENCE).unref();
      this.state = 'leaving';
    } else if (this.state !== 'leaving') {
      this.connect();
    }
  }

  ended(why) {
    const { connection } = this;
    const failed = this.state === 'starting';
    this.state = 'gone';
    // What it sent before its end is still to be read; a child of it may keep the socket open.
    if (connection) setTimeout(() => connection.socket.destroy(), RETRY).unref();
    this.pool.ended(this, why, failed);
  }

  stop() {
    this.process.stdin.end();
    this.process.kill('SIGTERM');
  }
}

/**
 * All workers. `log(text)` takes what people should know; `onFailure(why)` is called when the first
 * worker does not start, `onReady()` once, when all of them have.
 */
class Pool {
  constructor(options, directory, { log, onFailure, onReady }) {
    this.options = options;
    this.directory = directory;
    this.log = log;
    this.onFailure = onFailure;
    this.onReady = onReady;
    this.started = 0;
    this.draining = false; // connections with clients shall end
    this.stopping = false;
    this.queue = [];
    this.turn = 0;
    // The others are started when the first one has shown that the application can be loaded.
    this.workers = [new Worker(this, 1)];
  }

  ready() {
    const { workers } = this;
    while (workers.length < this.options.workers && !this.stopping) {
      workers.push(new Worker(this, workers.length + 1));
    }
    if (this.onReady && workers.every((worker) => worker.state !== 'starting')) {
      this.onReady();
      this.onReady = null;
    }
  }

  /** Give an exchange to the next worker that is idle, or let it wait for one. */
  dispatch(exchange) {
    const { workers } = this;
    for (let step = 0; step < workers.length; step++) {
      const worker = workers[(this.turn + step) % workers.length];
      if (worker.state === 'idle') {
        this.turn = (workers.indexOf(worker) + 1) % workers.length;
        worker.serve(exchange);
        return;
      }
    }
    if (workers.every((worker) => worker.state === 'gone')) exchange.refuse();
    else this.queue.push(exchange);
  }

  free() {
    const exchange = this.queue.shift();
    if (exchange) this.dispatch(exchange);
  }

  /** Take back an exchange that need not be served any more. */
  forget(exchange) {
    const at = this.queue.indexOf(exchange);
    if (at >= 0) this.queue.splice(at, 1);
  }

  ended(worker, why, failed) {
    if (this.stopping) {
      if (this.workers.every((each) => each.state === 'gone')) this.onStopped();
      return;
    }
    if (failed && this.onReady) {
      this.onFailure(why);
      return;
    }
    const next = failed ? `; another try in ${RETRY / 1000} s` : '; a new one is started';
    this.log(`worker ${worker.number} (process ${worker.process.pid}) ended: ${why}${next}`);
    if (!failed) {
      worker.start();
    } else {
      setTimeout(() => this.stopping || worker.start(), RETRY);
      if (this.workers.every((each) => each.state === 'gone')) {
        for (const exchange of this.queue.splice(0)) exchange.refuse();
      }
    }
  }

  /** End all workers; those that serve finish first. */
  stop(onStopped) {
    this.stopping = true;
    this.onStopped = onStopped;
    const there = this.workers.filter((worker) => worker.state !== 'gone');
    for (const worker of there) worker.stop();
    if (!there.length) onStopped();
  }

  kill() {
    for (const worker of this.workers) worker.process.kill('SIGKILL');
  }
}

module.exports = { Pool };
