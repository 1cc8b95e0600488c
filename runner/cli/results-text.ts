/** Test results as text for people, or as JSON, one case at a time. Pure. */
import type { CaseResult } from '../results/case-result.js';
import { countsLine, type SuiteResult } from '../results/suite-result.js';
import { isFailure } from '../results/verdict.js';

export interface ResultsPrinter {
  /** What is printed before the first case. */
  begin(): string;
  case(result: CaseResult): string;
  end(suite: SuiteResult): string;
}

/** Lines of diagnostics that are printed with a case that failed: the last ones. */
const SHOWN_LINES = 10;

/** A tree: a suite is printed when the first of its cases comes, and again when other suites came in between. */
export function createTextPrinter(): ResultsPrinter {
  let before: readonly string[] = [];
  let any = false;
  return {
    begin: () => '',
    case({ path, verdict, message, diagnostics, location }) {
      any = true;
      const suites = path.slice(0, -1);
      const same = suites.findIndex((name, i) => before[i] !== name);
      const shared = same < 0 ? suites.length : same;
      before = suites;
      const headers = suites.slice(shared).map((name, i) => `${'  '.repeat(shared + i)}${name}\n`);
      const indent = '  '.repeat(suites.length);
      const why = message === undefined ? '' : `: ${message}`;
      const line = location?.line === undefined ? '' : `:${location.line}`;
      const where = isFailure(verdict) && location !== undefined ? ` (${location.file}${line})` : '';
      const said = verdict === 'failed' && diagnostics !== undefined ? lastLines(diagnostics, `${indent}  | `) : '';
      return `${headers.join('')}${indent}${verdict.padEnd(7)} ${path.at(-1)}${why}${where}\n${said}`;
    },
    end(suite) {
      const problems = suite.problems.map(({ message, line }) => {
        return `problem: ${line === undefined ? '' : `line ${line}: `}${message}\n`;
      });
      const more = suite.problemCount - problems.length;
      if (more > 0) problems.push(`problem: ${more} more\n`);
      const why = suite.message === undefined ? '' : ` (${suite.message})`;
      return `${any ? '\n' : ''}${problems.join('')}${countsLine(suite.counts)}\n${suite.verdict}${why}\n`;
    },
  };
}

function lastLines(text: string, prefix: string): string {
  const lines = text.split('\n');
  const left = lines.length - SHOWN_LINES;
  if (left > 0) lines.splice(0, left, `[... ${left} lines]`);
  return lines.map((line) => `${prefix}${line}\n`).join('');
}

/** `{"cases":[{path, verdict, message}], "verdict", "message", "counts", "problems"}`, one case a line. */
export function createJsonPrinter(): ResultsPrinter {
  let separator = '';
  return {
    begin: () => '{"cases":[',
    case({ path, verdict, message }) {
      const text = `${separator}\n${JSON.stringify({ path, verdict, message })}`;
      separator = ',';
      return text;
    },
    end: ({ verdict, message, counts, problems }) =>
      `\n],${JSON.stringify({ verdict, message, counts, problems }).slice(1)}\n`,
  };
}
