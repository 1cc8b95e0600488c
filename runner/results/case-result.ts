/** One test that ran, or should have. */
import type { CaseVerdict } from './verdict.js';

/** Where a test stands, as its framework says it: a path of the guest, or of wherever it was built. */
export interface CaseLocation {
  file: string;
  /** The first line is 1. */
  line?: number;
}

export interface CaseResult {
  /** The names from the outermost suite to the test; no two cases of a stream have the same. Never empty. */
  path: readonly string[];
  verdict: CaseVerdict;
  /** Why, in one line. */
  message?: string;
  /** What the test or the kernel said, for a case that did not pass; its middle is left out when it is long. */
  diagnostics?: string;
  durationMs?: number;
  location?: CaseLocation;
}
