/** A parser of which the first character of the input says what it is. */
import { createEncoder } from './lines.js';
import type { ResultParser } from './parser.js';

/** `choose` gets the first byte that is no white space and no byte order mark; `otherwise` is for no such byte. */
export function createSniffingParser(
  choose: (first: string) => ResultParser,
  otherwise: () => ResultParser,
): ResultParser {
  const toBytes = createEncoder();
  let chosen: ResultParser | undefined;

  function write(bytes: Buffer): void {
    // What stands before never matters, and must not depend on where the pieces are cut.
    const start = chosen === undefined ? bytes.findIndex((byte) => !BLANK.has(byte)) : 0;
    if (start < 0) return;
    chosen ??= choose(String.fromCharCode(bytes[start] ?? 0));
    chosen.write(bytes.subarray(start));
  }

  return {
    write: (chunk) => write(toBytes(chunk)),
    running: () => chosen?.running(),
    end(how) {
      write(toBytes(undefined));
      return (chosen ?? otherwise()).end(how);
    },
  };
}

/** White space, and the three bytes of the mark. */
const BLANK = new Set([0x20, 0x09, 0x0a, 0x0d, 0xef, 0xbb, 0xbf]);
