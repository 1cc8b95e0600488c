/** What every parser of test results looks like. */
import type { CaseResult } from './case-result.js';
import type { RunEnd, SuiteResult } from './suite-result.js';

export interface ParserOptions {
  /** Gets each case as soon as it is known. What it throws comes out of `write` or `end`. */
  onCase?: (result: CaseResult) => void;
  /** The name of the case that stands for all of the command: format `exit-code` only. Default `command`. */
  name?: string;
}

/**
 * Takes the output of a test run, in pieces of any size, and keeps little of it. Neither function throws because of
 * what the input is: what cannot be understood becomes a problem of the result.
 */
export interface ResultParser {
  write(chunk: Uint8Array | string): void;
  /** The path of the test that is running as far as the output tells, for whoever sees a kernel fault right now. */
  running(): readonly string[] | undefined;
  /** To be called once. `how` defaults to an end by itself with an exit code that nobody knows. */
  end(how?: RunEnd): SuiteResult;
}
