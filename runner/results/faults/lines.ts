/** Bytes of a console to lines: chunks may end anywhere, and no line makes us keep much. */
import { StringDecoder } from 'node:string_decoder';

/** A line longer than this is cut: a guest cannot make us keep an endless one. Characters. */
export const MAX_LINE = 4096;

/** Terminal escape sequences (ECMA-48 CSI, OSC, the rest) and control characters but the tab. */
const NOISE =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: removing them is the point
  /\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[ -/]*[0-Z\\^-~]|[\x00-\x08\x0b-\x1f\x7f-\x9f]/g;

/** Without escape sequences, control characters, and blanks at the end. */
export const cleanLine = (line: string): string => line.replace(NOISE, '').trimEnd();

export interface LineReader {
  write(chunk: Uint8Array): void;
  /** The line that is not finished yet, clean. */
  rest(): string;
  /** Takes what is left as a line. */
  end(): void;
}

/** `onLine` gets every line, clean. What it gets does not depend on where the chunks end. */
export function createLineReader(onLine: (line: string) => void): LineReader {
  const decoder = new StringDecoder('utf8');
  let partial = '';

  const finish = (piece: string): void => {
    // The beginning is kept: it says what the line is.
    onLine(cleanLine((partial + piece).slice(0, MAX_LINE)));
    partial = '';
  };
  const take = (text: string): void => {
    let from = 0;
    for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', from)) {
      finish(text.slice(from, at));
      from = at + 1;
    }
    if (partial.length < MAX_LINE) partial = (partial + text.slice(from)).slice(0, MAX_LINE);
  };

  return {
    write: (chunk) => take(decoder.write(chunk as Buffer)),
    rest: () => cleanLine(partial),
    end() {
      take(decoder.end());
      if (partial !== '') finish('');
    },
  };
}
