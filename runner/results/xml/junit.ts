/** JUnit XML to cases; also that of googletest and pytest, which differ in names. */
import { createBoundedText } from '../bounded-text.js';
import type { CaseLocation } from '../case-result.js';
import { type Collector, createCollector } from '../collector.js';
import { MAX_LINE } from '../limits.js';
import type { ParserOptions, ResultParser } from '../parser.js';
import type { RunEnd } from '../suite-result.js';
import type { CaseVerdict } from '../verdict.js';
import type { Attributes, JunitDialect } from './dialect.js';
import { createXmlReader, type XmlReader } from './reader.js';

interface OpenCase {
  attributes: Attributes;
  path: string[];
  verdict?: CaseVerdict;
  message?: string;
}

interface OpenSuite {
  name: string;
  attributes: Attributes;
  /** `collector.total` and `.failures` when it began. */
  total: number;
  failures: number;
}

/** Of a case that stands for its suite. */
const NO_ATTRIBUTES: Attributes = {};

/** Elements of a case, and of a suite, that tell a verdict. A rerun goes with a failure that is told as well. */
const TELLING: Readonly<Record<string, CaseVerdict>> = {
  failure: 'failed',
  error: 'failed',
  skipped: 'skipped',
  flakyFailure: 'flaky',
  flakyError: 'flaky',
};
/** Which word wins when a case has several. */
const RANK: readonly CaseVerdict[] = ['passed', 'skipped', 'flaky', 'failed'];
const TEXTS = new Set([
  ...Object.keys(TELLING),
  'rerunFailure',
  'rerunError',
  'stackTrace',
  'system-out',
  'system-err',
]);

export function createJunitReader(
  dialect: JunitDialect,
  collector: Collector,
): XmlReader & { running(): string[] | undefined; abort(how: RunEnd): void } {
  const suites: OpenSuite[] = [];
  const text = createBoundedText();
  let current: OpenCase | undefined;
  /** The element whose text is kept, and how deep elements stand in it. */
  let keeping = 0;
  let rest = '';
  let rootSeen = false;

  function open(name: string, attributes: Attributes): void {
    if (!rootSeen) {
      rootSeen = true;
      if (name !== 'testsuites' && name !== 'testsuite' && name !== 'testcase') {
        collector.problem(`the root of the XML is <${name}>, and neither <testsuites> nor <testsuite>`);
      }
    }
    if (keeping > 0) keeping += 1;
    else if (name === 'testsuites' || name === 'testsuite') {
      // The outermost name is that of the report.
      const named = name === 'testsuite' ? (attributes['name'] ?? '') : '';
      suites.push({ name: named, attributes, total: collector.total, failures: collector.failures });
    } else if (name === 'testcase') {
      finishCase();
      const path = dialect.path({
        suites: suites.map((suite) => suite.name).filter((each) => each !== ''),
        classname: attributes['classname'] ?? '',
        name: attributes['name'] ?? '',
      });
      current = { attributes, path: path.length === 0 ? ['(no name)'] : path };
    } else if (TEXTS.has(name)) {
      // A suite that could not be set up says so itself.
      if (current === undefined && TELLING[name] === 'failed') current = suiteCase();
      tell(name, attributes);
      if (current !== undefined) keeping = 1;
    }
  }

  function suiteCase(): OpenCase {
    const path = suites.map((suite) => suite.name).filter((each) => each !== '');
    return { attributes: NO_ATTRIBUTES, path: path.length === 0 ? ['(no name)'] : path };
  }

  function tell(element: string, attributes: Attributes): void {
    const verdict = TELLING[element];
    if (current === undefined || verdict === undefined) return;
    const better = current.verdict === undefined || RANK.indexOf(verdict) > RANK.indexOf(current.verdict);
    const message = attributes['message'] || attributes['type'] || '';
    if (better) {
      current.verdict = verdict;
      current.message = message;
    }
    if (message !== '') text.addLine(message);
  }

  function close(name: string): void {
    if (keeping > 0) {
      keeping -= 1;
      if (keeping === 0) {
        if (rest !== '') text.addLine(rest);
        rest = '';
        if (current !== undefined && current.attributes === NO_ATTRIBUTES) finishCase();
      }
      return;
    }
    if (name === 'testcase') finishCase();
    else if (name === 'testsuite' || name === 'testsuites') {
      finishCase();
      const suite = suites.pop();
      if (suite !== undefined) checkSuite(suite);
    }
  }

  function finishCase(): void {
    if (current === undefined) return;
    const { attributes, path } = current;
    const bare = dialect.verdict(attributes);
    const verdict = current.verdict ?? bare.verdict;
    collector.add({
      path,
      verdict,
      message:
        current.verdict === undefined
          ? bare.message
          : current.message || firstLine(verdict === 'passed' ? '' : text.text()),
      diagnostics: text.text(),
      durationMs: milliseconds(attributes['time']),
      location: locationOf(attributes),
    });
    current = undefined;
    text.clear();
  }

  /** What a suite says of itself; a suite may count those in it or not, so only too few are too few. */
  function checkSuite({ name, attributes, total, failures }: OpenSuite): void {
    const where = name === '' ? 'the report' : `suite ${name}`;
    const tests = countOf(attributes['tests']);
    const found = collector.total - total;
    if (tests > found) collector.problem(`${where} says ${tests} tests, and ${found} came`);
    const failing = countOf(attributes['failures']) + countOf(attributes['errors']);
    if (failing > 0 && collector.failures === failures)
      collector.problem(`${where} says ${failing} failed, and none did`);
  }

  const reader = createXmlReader({
    open,
    close,
    text(piece) {
      if (keeping === 0) return;
      // Whole lines go to the text, which is bounded; a line that does not end goes in parts.
      const lines = (rest + piece).split('\n');
      rest = '';
      const last = lines.length - 1;
      for (const [i, line] of lines.entries()) {
        let left = line;
        for (; left.length > MAX_LINE; left = left.slice(MAX_LINE)) text.addLine(left.slice(0, MAX_LINE));
        if (i < last) text.addLine(left);
        else rest = left;
      }
    },
    problem: (message) => collector.problem(message),
  });
  return {
    write: reader.write,
    end: reader.end,
    get empty() {
      return reader.empty;
    },
    get binary() {
      return reader.binary;
    },
    running: () => current?.path,
    abort(how) {
      if (current === undefined) return;
      if (rest !== '') text.addLine(rest);
      // Whatever it would have been: its end is not there.
      const { verdict, message } =
        'verdict' in how ? how : { verdict: 'failed' as const, message: 'the report is cut off in this test' };
      collector.add({ path: current.path, verdict, message, diagnostics: text.text() });
      current = undefined;
    },
  };
}

const firstLine = (text: string): string => text.trimStart().split('\n', 1)[0] ?? '';
const countOf = (text = ''): number => (/^\d{1,9}$/.test(text) ? Number(text) : 0);

/** Seconds; some writers put commas between thousands. */
function milliseconds(time: string | undefined): number | undefined {
  const seconds = Number((time ?? '').replaceAll(',', '') || Number.NaN);
  return Number.isNaN(seconds) ? undefined : Math.round(seconds * 1e6) / 1e3;
}

function locationOf({ file, line }: Attributes): CaseLocation | undefined {
  if (file === undefined) return undefined;
  return line === undefined ? { file } : { file, line: Number(line) };
}

/** A parser for a file of JUnit XML. */
export function createJunitParser(dialect: JunitDialect, options: ParserOptions): ResultParser {
  const collector = createCollector(options.onCase);
  const reader = createJunitReader(dialect, collector);
  return {
    write: reader.write,
    running: reader.running,
    end(how = {}) {
      reader.end(!('verdict' in how));
      reader.abort(how);
      return collector.finish(how, { ...(reader.empty ? { lines: 0 } : {}), binary: reader.binary });
    },
  };
}
