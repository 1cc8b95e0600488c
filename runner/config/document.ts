/** A configuration file that was read and not yet checked. */
import { VmtestError } from '../errors.js';
import type { ConfigPath } from '../plan/config-problem.js';

export interface Document {
  /** Plain values: objects, lists, texts, numbers, true, false and null. Modules may have anything. */
  value: unknown;
  /** The line that the key or item at `path` begins on, counted from 1; of what it should be in, where it is missing. */
  lineOf: (path: ConfigPath) => number | undefined;
}

/** `VMTEST_CONFIG`: what is wrong with a file as a whole, or at a line of it; the loader puts its name and the line before it. */
export const fileProblem = (message: string, line?: number, cause?: unknown): VmtestError =>
  new VmtestError('VMTEST_CONFIG', message, { cause, context: line === undefined ? {} : { line } });
