/** What a configuration expects of suites and cases, and what becomes of their verdicts. Pure. */
import { axesTest, kernelVersionHolds } from '../plan/condition.js';
import { wildcard } from '../plan/labels.js';
import type { Cell, Condition, Expectation } from '../plan/plan.js';
import type { CaseVerdict } from '../results/verdict.js';
import { isFailure } from '../results/verdict.js';

/** Where a suite runs. */
export interface Place {
  cell: Cell;
  /** As uname says; undefined when it is not known yet: then conditions on it hold. */
  kernelRelease?: string | undefined;
  /** As `Machine` has it; undefined as above. */
  engine?: string | undefined;
}

/** Why the condition does not hold there, in one line; undefined when it does. */
export function unmet(condition: Condition | undefined, { cell, kernelRelease, engine }: Place): string | undefined {
  if (!axesTest(condition)(cell)) {
    const axes = Object.entries(condition?.axes ?? {}).map(([axis, labels]) => `${axis} is ${labels.join(' or ')}`);
    return `only where ${axes.join(' and ')}`;
  }
  const wanted = condition?.engine;
  if (engine !== undefined && wanted !== undefined && engine !== wanted) {
    return `only under the engine ${wanted}, and this one is ${engine}`;
  }
  if (kernelRelease === undefined || kernelVersionHolds(condition, kernelRelease)) return undefined;
  return `only for kernels ${condition?.kernelVersion}, and this one is ${kernelRelease}`;
}

const matches = (pattern: string, text: string): boolean => wildcard(pattern)(text);

/** The names of a case as expectations write them. */
export const caseName = (path: readonly string[]): string => path.join(' > ');

export interface Expected {
  verdict: CaseVerdict;
  /** Why it is not what the test said. */
  reason: string;
}

export interface Expectations {
  /** That the whole suite is not to be run, and why. */
  readonly skip: string | undefined;
  /** What becomes of a case; undefined when nothing was expected of it. */
  ofCase(path: readonly string[], verdict: CaseVerdict): Expected | undefined;
  /** The same for the suite. */
  ofSuite(verdict: CaseVerdict): Expected | undefined;
  /** Expectations that have expired and would have applied: a line each. */
  expired(): string[];
}

/** `now` decides which have expired. */
export function createExpectations(all: readonly Expectation[], place: Place, now: Date): Expectations {
  const today = now.toISOString().slice(0, 10);
  // What depends on a kernel that is not known yet is looked at again when it is.
  const isDecided = ({ only }: Expectation): boolean =>
    (only?.kernelVersion === undefined && only?.engine === undefined) || place.kernelRelease !== undefined;
  const decided = all.filter(isDecided);
  const here = decided.filter(({ only }) => unmet(only, place) === undefined);
  const used = new Set<Expectation>();

  /** The first that fits and holds; those before it that fit and have expired are noted. */
  const find = (fits: (expectation: Expectation) => boolean): Expectation | undefined => {
    for (const expectation of here) {
      if (!fits(expectation)) continue;
      if (expectation.expires === undefined || expectation.expires >= today) return expectation;
      used.add(expectation);
    }
    return undefined;
  };
  const apply = (expectation: Expectation | undefined, verdict: CaseVerdict): Expected | undefined => {
    // That it was interrupted, never ran, or that the host failed, says nothing about it.
    if (expectation === undefined || ['not-run', 'interrupted', 'infra-error'].includes(verdict)) return undefined;
    const { outcome, reason, expires } = expectation;
    if (outcome === 'skip') return { verdict: 'skipped', reason };
    const until = expires === undefined ? '' : ` until ${expires}`;
    if (isFailure(verdict)) return { verdict: 'skipped', reason: `known to fail${until}: ${reason}` };
    if (verdict === 'skipped') return undefined;
    return { verdict: 'failed', reason: `is expected to fail${until} and passed: ${reason}` };
  };
  const ofAll = (): Expectation | undefined => find((each) => each.case === undefined);
  const suite = ofAll();

  return {
    skip: suite?.outcome === 'skip' ? suite.reason : undefined,
    ofCase(path, verdict) {
      const name = caseName(path);
      return apply(
        find((each) => each.case !== undefined && matches(each.case, name)),
        verdict,
      );
    },
    ofSuite: (verdict) => apply(suite, verdict),
    expired: () =>
      [...used].map(({ case: name, expires, reason }) => {
        return `the expectation ${name === undefined ? 'of the suite' : `of ${name}`} was valid until ${expires} (${reason}), and is no longer`;
      }),
  };
}
