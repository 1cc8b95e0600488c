/** The cases of an attempt on their way from a parser to the events: what was expected of them, and what the kernel said. */
import type { CaseResult } from '../results/case-result.js';
import { type Counts, noCounts } from '../results/suite-result.js';
import { isFailure } from '../results/verdict.js';
import type { Expectations } from './expectations.js';

export interface RecordedCase extends CaseResult {
  /** Why the verdict is not what the test said. */
  expected?: string;
}

export interface CaseRecorder {
  add(result: CaseResult): void;
  /** The kernel reported a fault while this case ran: it is held back until it is known whether that fails it. */
  suspect(path: readonly string[]): void;
  /** Titles of the faults that fail a case, by `keyOf` of its path. Gives what was held back; the rest is judged at once. */
  settle(faults: ReadonlyMap<string, string>): void;
  /** Of the cases that were given. */
  readonly counts: Counts;
  /** An expectation changed a verdict. */
  readonly changed: boolean;
}

export const keyOf = (path: readonly string[]): string => JSON.stringify(path);

export function createCaseRecorder(expectations: Expectations, onCase: (recorded: RecordedCase) => void): CaseRecorder {
  const counts = noCounts();
  const suspects = new Set<string>();
  const held: CaseResult[] = [];
  let faults: ReadonlyMap<string, string> | undefined;
  let changed = false;

  const give = (result: CaseResult): void => {
    const fault = faults?.get(keyOf(result.path));
    const splat = fault !== undefined && !isFailure(result.verdict);
    const found: CaseResult = splat
      ? { ...result, verdict: 'kernel-splat', message: `the kernel reported: ${fault}` }
      : result;
    const expected = expectations.ofCase(found.path, found.verdict);
    if (expected === undefined || expected.verdict === found.verdict) {
      counts[found.verdict] += 1;
      onCase(found);
      return;
    }
    changed = true;
    counts[expected.verdict] += 1;
    onCase({ ...found, verdict: expected.verdict, message: expected.reason, expected: expected.reason });
  };

  return {
    add(result) {
      if (faults === undefined && suspects.has(keyOf(result.path))) held.push(result);
      else give(result);
    },
    suspect: (path) => void suspects.add(keyOf(path)),
    settle(found) {
      faults = found;
      for (const result of held.splice(0)) give(result);
    },
    counts,
    get changed() {
      return changed;
    },
  };
}
