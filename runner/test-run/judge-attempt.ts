/** The verdict of an attempt, from all that was seen. Pure. */
import { type Counts, judge, type SuiteResult } from '../results/suite-result.js';
import type { Verdict } from '../results/verdict.js';
import type { Ending } from './ending.js';
import type { Expectations } from './expectations.js';
import type { WatchedFault } from './fault-watch.js';

export interface Observed {
  /** What ended it before its command did, or in the place of its results. */
  ending: Ending | undefined;
  /** What the parser made of the output; undefined when the command was not started. */
  result: SuiteResult | undefined;
  /** Cases by the verdicts that they were given. */
  counts: Counts;
  /** These are not all those of the parser. */
  changed: boolean;
  /** Of the suite's command, where it has ended and is not itself the case. */
  exitCode: number | undefined;
  /** Faults of the kernel that fail it. */
  failing: readonly WatchedFault[];
  expectations: Expectations;
}

export interface Judged {
  verdict: Verdict;
  /** Without what was expected of the suite: a guest that failed as expected is no better for it. */
  seen: Verdict;
  /** Why it is not `passed`, in one line. */
  message?: string;
}

/** What ended it comes first, then the kernel's faults, then the cases; at last, what was expected of the suite. */
export function judgeAttempt(observed: Observed): Judged {
  const judged = withoutExpectation(observed);
  const expected = observed.expectations.ofSuite(judged.verdict);
  if (expected === undefined || expected.verdict === 'not-run') return judged;
  const was = judged.message === undefined ? '' : ` (${judged.verdict}: ${judged.message})`;
  return { verdict: expected.verdict, seen: judged.seen, message: `${expected.reason}${was}` };
}

function withoutExpectation(observed: Observed): Judged {
  const { verdict, message } = judgeSeen(observed);
  return { verdict, seen: verdict, ...(message === undefined ? {} : { message }) };
}

type Seen = Omit<Judged, 'seen'>;

function judgeSeen({ ending, result, counts, changed, exitCode, failing }: Observed): Seen {
  const [first, ...more] = failing;
  const others = more.length === 0 ? '' : ` (and ${more.length} more)`;
  const reported = first === undefined ? '' : `${first.fault.title}${others}`;
  if (ending !== undefined) {
    const { verdict, message } = ending;
    const known = reported === '' || message.includes(reported);
    return { verdict, message: known ? message : `${message}; the kernel reported: ${reported}` };
  }
  const cases = result === undefined ? judge({}, counts, []) : caseVerdict(result, counts, exitCode, changed);
  if (first === undefined) return cases;
  const during = first.during === undefined ? '' : `, while ${first.during.join(' > ')} ran`;
  const failed = cases.verdict === 'failed' && cases.message !== undefined ? `; ${cases.message}` : '';
  return { verdict: 'kernel-splat', message: `${reported}${during}${failed}` };
}

/** A signal is no case that was expected to fail. */
const SIGNALS = 128;

function caseVerdict(result: SuiteResult, counts: Counts, exitCode: number | undefined, changed: boolean): Seen {
  if (changed) {
    const judged = judge({}, counts, result.problems);
    if (exitCode === undefined || exitCode < SIGNALS || judged.verdict === 'failed') return judged;
    return { verdict: 'failed', message: `exit code ${exitCode}, and no test failed unexpectedly` };
  }
  return { verdict: result.verdict, ...(result.message === undefined ? {} : { message: result.message }) };
}
