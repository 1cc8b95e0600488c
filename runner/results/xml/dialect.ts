/** In what the writers of JUnit XML differ. */
import type { CaseVerdict } from '../verdict.js';

export type Attributes = Readonly<Record<string, string>>;

export interface CaseNames {
  /** Names of the suites around the case, without those that are empty. */
  suites: readonly string[];
  classname: string;
  name: string;
}

export interface JunitDialect {
  path(names: CaseNames): string[];
  /** The verdict of a case without an element that tells one, by its attributes. */
  verdict(attributes: Attributes): { verdict: CaseVerdict; message?: string };
}

const nonEmpty = (names: readonly string[]): string[] => names.filter((name) => name !== '');

export const JUNIT: JunitDialect = {
  path({ suites, classname, name }) {
    // Many writers repeat the suite as the class.
    const repeated = classname === suites.at(-1) || classname === suites.join('.');
    return nonEmpty([...suites, repeated ? '' : classname, name]);
  },
  verdict: () => ({ verdict: 'passed' }),
};

export const GTEST: JunitDialect = {
  path: ({ suites, classname, name }) => nonEmpty([suites.at(-1) ?? classname, name]),
  verdict: ({ status, result }) => gtestVerdict(status, result),
};

/** The words are in capitals in JSON and small in XML. */
export function gtestVerdict(status = 'run', result = ''): { verdict: CaseVerdict; message?: string } {
  if (status.toLowerCase() === 'notrun') return { verdict: 'skipped', message: 'disabled' };
  return { verdict: result.toLowerCase() === 'skipped' ? 'skipped' : 'passed' };
}

export const PYTEST: JunitDialect = {
  // The suite is always "pytest"; the class is module and class with dots.
  path: ({ classname, name }) => nonEmpty([...classname.split('.'), name]),
  verdict: () => ({ verdict: 'passed' }),
};
