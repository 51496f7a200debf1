// What no worker is to see: requests that Node's parser takes and HTTP does not, and the answers to
// those that it does not take either.
'use strict';

// RFC 3986 section 3.2: host, and port. It may be empty (RFC 9112 section 3.2).
const HOST = /^(?:\[[0-9a-f:.]+\]|(?:[a-z0-9\-._~!$&'()*+,;=]|%[0-9a-f]{2})*)(?::[0-9]*)?$/i;
const KNOWN_LINE = /^[!#$%&'*+\-.^_`|~0-9a-z]+ \S+ HTTP\/1\.[01]\r?\n/i;
const REASONS = {
  400: 'Bad Request',
  404: 'Not Found',
  408: 'Request Timeout',
  413: 'Content Too Large',
  431: 'Request Header Fields Too Large',
  501: 'Not Implemented',
  502: 'Bad Gateway',
  503: 'Service Unavailable',
  505: 'HTTP Version Not Supported',
};
const CODES = {
  ERR_HTTP_REQUEST_TIMEOUT: 408,
  HPE_CHUNK_EXTENSIONS_OVERFLOW: 413,
  HPE_HEADER_OVERFLOW: 431,
  HPE_INVALID_VERSION: 505,
};

/** The status that a request is to be refused with, 0 for none. */
function refusal(request) {
  const { rawHeaders, headers } = request;
  const coding = headers['transfer-encoding'];
  if (coding !== undefined) {
    // RFC 9112 section 6.1. Nothing but chunked is understood; and an older client cannot mean it.
    if (request.httpVersion === '1.0') return 400;
    if (coding.toLowerCase() !== 'chunked') return 501;
  }
  // RFC 9112 section 3.2; Node looks whether there is one.
  const hosts = rawHeaders.filter((text, at) => at % 2 === 0 && text.toLowerCase() === 'host');
  if (hosts.length > 1 || !HOST.test(headers.host ?? '')) return 400;
  // RFC 9112 section 3.2.4.
  if (request.url === '*' && request.method !== 'OPTIONS') return 400;
  return 0;
}

/** The status for what the parser did not take. */
function codeOf(error) {
  if (error.code === 'HPE_INVALID_METHOD' && error.rawPacket) {
    const text = error.rawPacket.latin1Slice();
    const line = text.slice(text.lastIndexOf('\n', error.bytesParsed - 1) + 1);
    if (KNOWN_LINE.test(line)) return 501; // a method, just none that Node knows
  }
  return CODES[error.code] ?? 400;
}

/** An answer where there is no response to answer with. */
function bare(code) {
  const date = new Date().toUTCString();
  return `HTTP/1.1 ${code} ${REASONS[code]}\r\nDate: ${date}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`;
}

module.exports = { REASONS, bare, codeOf, refusal };
