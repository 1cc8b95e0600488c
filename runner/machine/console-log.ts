/**
 * The serial console of a guest: raw bytes to wherever they are wanted, and lines for those who look for
 * trouble. Only the kernel writes here; results never come this way.
 */
import { createFaultDetector } from '../results/faults/detector.js';
import type { Fault } from '../results/faults/fault.js';
import { createLineReader } from '../results/faults/lines.js';

export interface ConsoleLogOptions {
  /** Gets every chunk as it comes. */
  sink?: (chunk: Buffer) => void;
  /** How many lines are kept. Default: 200. */
  keptLines?: number;
  /** Called once, at the line that says that the kernel panicked. */
  onPanic?: (line: string) => void;
  /** Called when the report of a fault begins, with the number of its first line (`Fault.line`). */
  onFaultBegin?: (line: number) => void;
}

export interface ConsoleLog {
  write(chunk: Buffer): void;
  /** The last `count` lines, without escape sequences; also the one that is not finished yet. */
  tail(count: number): string[];
  /** How many lines are complete. */
  readonly lineCount: number;
  /** The line that says that the kernel panicked. */
  readonly panic: string | undefined;
  /** Lines that reports of an oops, a warning and the like begin with: the first 100. */
  readonly splats: readonly string[];
  /** What those reports say, and notes: the first 100 that are complete, then those that are not yet. */
  readonly faults: readonly Fault[];
}

const MAX_FAULTS = 100;

export function createConsoleLog(options: ConsoleLogOptions = {}): ConsoleLog {
  const kept = options.keptLines ?? 200;
  const lines: string[] = [];
  const splats: string[] = [];
  const faults: Fault[] = [];
  let panic: string | undefined;

  const detector = createFaultDetector({
    onBegin(line, severity, number) {
      options.onFaultBegin?.(number);
      if (severity === 'fault' && splats.length < MAX_FAULTS) splats.push(line);
    },
    onFault(fault) {
      if (faults.length < MAX_FAULTS) faults.push(fault);
    },
    onPanic(line) {
      if (panic !== undefined) return;
      panic = line;
      options.onPanic?.(line);
    },
  });
  let lineCount = 0;
  const reader = createLineReader((line) => {
    lineCount += 1;
    lines.push(line);
    if (lines.length > kept) lines.shift();
    detector.line(line);
  });

  return {
    write(chunk) {
      options.sink?.(chunk);
      reader.write(chunk);
    },
    tail(count) {
      const rest = reader.rest();
      return (rest === '' ? lines : [...lines, rest]).slice(-count);
    },
    get lineCount() {
      return lineCount;
    },
    get panic() {
      return panic;
    },
    splats,
    get faults() {
      return [...faults, ...detector.open()];
    },
  };
}
