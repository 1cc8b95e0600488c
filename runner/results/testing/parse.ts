/** Runs a parser over a text, for tests. */
import type { CaseResult } from '../case-result.js';
import type { ParserOptions, ResultParser } from '../parser.js';
import type { RunEnd, SuiteResult } from '../suite-result.js';

export interface Parsed {
  cases: CaseResult[];
  suite: SuiteResult;
  /** `verdict a / b: message`, one for each case. */
  lines: string[];
  /** The messages of the problems. */
  problems: string[];
}

export type Create = (options: ParserOptions) => ResultParser;

export function parse(create: Create, input: string | readonly (string | Uint8Array)[], how?: RunEnd): Parsed {
  const cases: CaseResult[] = [];
  const parser = create({ onCase: (result) => cases.push(result) });
  for (const chunk of typeof input === 'string' ? [input] : input) parser.write(chunk);
  const suite = parser.end(how);
  const lines = cases.map(({ path, verdict, message }) => {
    return `${verdict} ${path.join(' / ')}${message === undefined ? '' : `: ${message}`}`;
  });
  return { cases, suite, lines, problems: suite.problems.map(({ message }) => message) };
}
