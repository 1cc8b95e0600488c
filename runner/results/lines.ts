/** Bytes, in pieces of any size, to lines. */
import { MAX_LINE } from './limits.js';

export interface LineSplitter {
  write(chunk: Uint8Array | string): void;
  /** Gives the last line when it has no line feed. */
  end(): void;
  /** The line that has not ended yet, as far as it came. */
  partial(): string;
  /** Lines so far. */
  readonly count: number;
  /** Whether there was a NUL, which no text has. */
  readonly binary: boolean;
}

const LF = 0x0a;
const CR = 0x0d;
const NO_BYTES = Buffer.alloc(0);

/**
 * `onLine` gets each line without its end, LF or any number of CR and LF: a serial port or a pseudo terminal adds
 * some. Nothing else ends a line. What is no UTF-8 becomes U+FFFD. Of a line longer than `limit` bytes the rest is
 * dropped.
 */
export function createLineSplitter(onLine: (line: string) => void, limit = MAX_LINE): LineSplitter {
  const toBytes = createEncoder();
  // The pieces of a line that has not ended yet.
  let pieces: Buffer[] = [];
  let kept = 0;
  let pending = false;
  let count = 0;
  let binary = false;

  function keep(bytes: Buffer): void {
    const room = limit - kept;
    if (bytes.length > 0) pending = true;
    if (room <= 0) return;
    const part = bytes.length > room ? bytes.subarray(0, room) : bytes;
    if (part.length === 0) return;
    // A copy: the caller may use its memory again.
    pieces.push(Buffer.from(part));
    kept += part.length;
    // One byte at a time must not become one object for each byte.
    if (pieces.length > 64) pieces = [Buffer.concat(pieces)];
  }

  function emit(bytes: Buffer): void {
    let end = Math.min(bytes.length, limit);
    while (end > 0 && bytes[end - 1] === CR) end -= 1;
    const start = count === 0 && bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0;
    count += 1;
    pending = false;
    onLine(bytes.toString('utf8', start, end));
  }

  function push(bytes: Buffer): void {
    if (!binary && bytes.includes(0)) binary = true;
    let start = 0;
    for (let at = bytes.indexOf(LF); at >= 0; at = bytes.indexOf(LF, start)) {
      if (pending) {
        keep(bytes.subarray(start, at));
        const whole = Buffer.concat(pieces);
        pieces = [];
        kept = 0;
        emit(whole);
      } else {
        emit(bytes.subarray(start, at));
      }
      start = at + 1;
    }
    if (start < bytes.length) keep(bytes.subarray(start));
  }

  return {
    write: (chunk) => push(toBytes(chunk)),
    end() {
      push(toBytes(undefined));
      if (!pending) return;
      const whole = Buffer.concat(pieces);
      pieces = [];
      kept = 0;
      emit(whole);
    },
    partial: () => Buffer.concat(pieces).toString('utf8'),
    get count() {
      return count;
    },
    get binary() {
      return binary;
    },
  };
}

/** Strings to UTF-8; half of a surrogate pair at the end of one waits for the next. `undefined` is the end. */
export function createEncoder(): (chunk: Uint8Array | string | undefined) => Buffer {
  let half = '';
  return (chunk) => {
    if (typeof chunk === 'string') {
      const text = half + chunk;
      half = /[\ud800-\udbff]$/.test(text) ? text.slice(-1) : '';
      return Buffer.from(half === '' ? text : text.slice(0, -1), 'utf8');
    }
    const bytes = chunk === undefined ? NO_BYTES : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    if (half === '') return bytes;
    const before = Buffer.from(half, 'utf8');
    half = '';
    return Buffer.concat([before, bytes]);
  };
}
