// gRPC-web and protobuf, as far as this page needs them, so that nothing has to be built and what goes over the line
// can be read. A real page has its messages and calls generated from `proto/`, for example by protoc-gen-es, and calls
// with @connectrpc/connect-web: the same over the line.

const utf8 = new TextDecoder("utf-8", { fatal: true });
const text = { kind: 2, write: (value) => new TextEncoder().encode(value), read: (bytes) => utf8.decode(bytes) };
const raw = { kind: 2, write: (value) => value, read: (bytes) => bytes };
const number = { kind: 0, write: varint, read: (value) => value };
const flag = { kind: 0, write: (value) => varint(value ? 1 : 0), read: (value) => value === 1 };
const message = (of) => ({ kind: 2, write: (value) => encode(of, value), read: (bytes) => decode(of, bytes) });
const many = (type) => ({ ...type, many: true });

// A number of 64 bits, as far as JavaScript has whole numbers: 9 * 10^15 events are enough.
function varint(value) {
  if (!Number.isSafeInteger(value) || value < 0) throw new RangeError(`${value} cannot be sent`);
  const bytes = [];
  for (; value > 127; value = Math.floor(value / 128)) bytes.push((value % 128) | 128);
  return Uint8Array.from([...bytes, value]);
}

// What is not named is not sent: a field with presence is then absent.
function encode(fields, value) {
  const parts = [];
  for (const [name, inner] of Object.entries(value)) {
    if (!(name in fields)) throw new TypeError(`there is no field ${name}`);
    const [tag, type] = fields[name];
    for (const one of type.many ? inner : [inner]) {
      const bytes = type.write(one);
      parts.push(varint(tag * 8 + type.kind), ...(type.kind === 2 ? [varint(bytes.length)] : []), bytes);
    }
  }
  return joined(parts);
}

function decode(fields, bytes) {
  const names = Object.fromEntries(Object.entries(fields).map(([name, [tag, type]]) => [tag, [name, type]]));
  // Zeros and empty lists are not sent, and so are absent here too.
  const value = {};
  let at = 0;
  const next = () => {
    let [read, scale] = [0, 1];
    for (; ; scale *= 128) {
      if (at >= bytes.length) throw new RangeError("the message ends in the middle");
      const byte = bytes[at++];
      read += (byte & 127) * scale;
      if (byte < 128) return read;
    }
  };
  while (at < bytes.length) {
    const key = next();
    const kind = key & 7;
    // Fields that came later than this page are passed over.
    const [name, type] = names[Math.floor(key / 8)] ?? [];
    const size = kind === 1 ? 8 : kind === 5 ? 4 : kind === 2 ? next() : 0;
    const read = kind === 0 ? next() : bytes.subarray(at, (at += size));
    if (!name) continue;
    if (type.many) (value[name] ??= []).push(type.read(read));
    else value[name] = type.read(read);
  }
  return value;
}

function joined(parts) {
  const all = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

const Any = message({ type_url: [1, text], value: [2, raw] });
const Status = message({ code: [1, number], message: [2, text], details: [3, many(Any)] });
const ErrorInfo = message({ reason: [1, text], domain: [2, text] });

/** That a call is refused: decide by `reason`, and show the message. */
class Refused extends Error {
  constructor(code, words, details) {
    super(words);
    this.code = Number(code);
    const padded = (details ?? "").padEnd(Math.ceil((details ?? "").length / 4) * 4, "=");
    const status = Status.read(Uint8Array.from(atob(padded), (letter) => letter.charCodeAt(0)));
    const info = (status.details ?? []).find((detail) => detail.type_url.endsWith("/google.rpc.ErrorInfo"));
    this.reason = info && ErrorInfo.read(info.value).reason;
  }
}

// `said` gives a header or a trailer.
function ended(said) {
  const status = said("grpc-status");
  const words = decodeURIComponent(said("grpc-message") ?? "");
  if (status !== "0") throw new Refused(status, words, said("grpc-status-details-bin"));
}

/** The answers of a call as they come. Leaving the loop ends the call. */
async function* stream(server, rpc, [Request, Answer], request, headers = {}) {
  const body = Request.write(request);
  const length = new Uint8Array(4);
  new DataView(length.buffer).setUint32(0, body.length);
  const leave = new AbortController();
  const response = await fetch(`${server}/minutebook.v1.${rpc}`, {
    method: "POST",
    headers: { "content-type": "application/grpc-web+proto", "x-grpc-web": "1", ...headers },
    body: joined([Uint8Array.of(0), length, body]),
    signal: leave.signal,
  });
  // What is refused at once has its status in the headers.
  if (response.headers.has("grpc-status")) ended((name) => response.headers.get(name));
  if (!response.ok) throw new Error(`HTTP ${response.status}`);
  const reader = response.body.getReader();
  let waiting = new Uint8Array();
  try {
    for (;;) {
      while (waiting.length >= 5) {
        const end = 5 + new DataView(waiting.buffer, waiting.byteOffset).getUint32(1);
        if (waiting.length < end) break;
        const part = waiting.subarray(5, end);
        if (waiting[0] & 128) {
          // The last part has the trailers.
          const lines = new TextDecoder().decode(part).trim().split("\r\n").map((line) => line.split(/:(.*)/s));
          const trailers = new Map(lines.map(([name, value]) => [name.toLowerCase(), value.trim()]));
          return ended((name) => trailers.get(name));
        }
        waiting = waiting.subarray(end);
        yield Answer.read(part);
      }
      const { value, done } = await reader.read();
      if (done) throw new Error("the answer ends in the middle");
      waiting = joined([waiting, value]);
    }
  } finally {
    leave.abort();
  }
}

/** The answer of a call that has one. */
async function call(server, rpc, types, request, headers) {
  let answer;
  for await (const part of stream(server, rpc, types, request, headers)) answer = part;
  return answer;
}

export { call, flag, many, message, number, stream, text };
