/**
 * The serial console of a guest: raw bytes to wherever they are wanted, and lines for those who look for
 * trouble. Only the kernel writes here; results never come this way.
 */
import { StringDecoder } from 'node:string_decoder';
import { isPanic, isSplat } from './kernel-faults.js';

export interface ConsoleLogOptions {
  /** Gets every chunk as it comes. */
  sink?: (chunk: Buffer) => void;
  /** How many lines are kept. Default: 200. */
  keptLines?: number;
  /** Called once, at the line that says that the kernel panicked. */
  onPanic?: (line: string) => void;
}

export interface ConsoleLog {
  write(chunk: Buffer): void;
  /** The last `count` lines, without escape sequences; also the one that is not finished yet. */
  tail(count: number): string[];
  /** The line that says that the kernel panicked. */
  readonly panic: string | undefined;
  /** Lines that report an oops, a warning and the like: the first 100. */
  readonly splats: readonly string[];
}

/** A line longer than this is cut: a guest cannot make us keep an endless one. Characters. */
const MAX_LINE = 4096;
const MAX_SPLATS = 100;

/** Terminal escape sequences (ECMA-48 CSI, OSC, the rest) and control characters but the tab. */
const NOISE =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: removing them is the point
  /\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[ -/]*[0-Z\\^-~]|[\x00-\x08\x0b-\x1f\x7f-\x9f]/g;

const clean = (line: string): string => line.replace(NOISE, '').trimEnd();

export function createConsoleLog(options: ConsoleLogOptions = {}): ConsoleLog {
  const kept = options.keptLines ?? 200;
  const decoder = new StringDecoder('utf8');
  const lines: string[] = [];
  const splats: string[] = [];
  let partial = '';
  let panic: string | undefined;

  const finishLine = (raw: string): void => {
    const line = clean(raw);
    lines.push(line);
    if (lines.length > kept) lines.shift();
    if (isSplat(line) && splats.length < MAX_SPLATS) splats.push(line);
    if (panic === undefined && isPanic(line)) {
      panic = line;
      options.onPanic?.(line);
    }
  };

  return {
    write(chunk) {
      options.sink?.(chunk);
      const pieces = (partial + decoder.write(chunk)).split('\n');
      partial = (pieces.pop() ?? '').slice(-MAX_LINE);
      for (const piece of pieces) finishLine(piece.slice(0, MAX_LINE));
    },
    tail(count) {
      const rest = clean(partial);
      return (rest === '' ? lines : [...lines, rest]).slice(-count);
    },
    get panic() {
      return panic;
    },
    splats,
  };
}
