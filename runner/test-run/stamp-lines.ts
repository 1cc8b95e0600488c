/** Puts the time of the host before each line of a console. */

/** Takes pieces of any size; gives whole lines, each with the time at which its first byte came. */
export interface LineStamper {
  write(chunk: Buffer): Buffer;
  /** The line that is not finished. */
  end(): Buffer;
}

const NEWLINE = 0x0a;
/** A line without end is given in pieces, as if each were a line. Bytes. */
const MAX_LINE = 1 << 16;

/** `now`: milliseconds since 1970. */
export function createLineStamper(now: () => number = Date.now): LineStamper {
  let rest: Buffer[] = [];
  let size = 0;
  let since = 0;

  const stamped = (since: number, parts: readonly Buffer[], end: string): Buffer =>
    Buffer.concat([Buffer.from(`[${new Date(since).toISOString()}] `), ...parts, Buffer.from(end)]);

  return {
    write(chunk) {
      const time = now();
      const lines: Buffer[] = [];
      let from = 0;
      while (from < chunk.length) {
        if (size === 0) since = time;
        const found = chunk.indexOf(NEWLINE, from);
        const to = Math.min(found < 0 ? chunk.length : found + 1, from + MAX_LINE - size);
        const part = chunk.subarray(from, to);
        rest.push(part);
        size += part.length;
        from = to;
        const ended = part[part.length - 1] === NEWLINE;
        if (!ended && size < MAX_LINE) continue;
        lines.push(stamped(since, rest, ended ? '' : '\n'));
        rest = [];
        size = 0;
      }
      return Buffer.concat(lines);
    },
    end() {
      const last = size === 0 ? Buffer.alloc(0) : stamped(since, rest, '\n');
      rest = [];
      size = 0;
      return last;
    },
  };
}
