/** What readers of JUnit files make of one: our own, and two that people use. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse as parseToJson } from 'junit2json';
import { SaxesParser } from 'saxes';
import { parse as parseResults } from 'test-results-parser';

export interface ReadCase {
  classname: string;
  name: string;
  /** `passed`, `skipped`, or element and type, as `failure failed`. */
  outcome: string;
  message: string;
  /** Of the failure, error, or what is skipped, or of all flaky ones. */
  text: string;
  out: string;
}

export interface ReadReport {
  tests: number;
  failures: number;
  errors: number;
  skipped: number;
  cases: ReadCase[];
}

/** Strict, and without any opinion on texts. Checks that the counts of each suite are those of its cases. */
export async function readJunit(xml: string): Promise<ReadReport> {
  const report: ReadReport = { tests: 0, failures: 0, errors: 0, skipped: 0, cases: [] };
  const open: string[] = [];
  let current: ReadCase | undefined;
  let counted = { tests: 0, failures: 0, errors: 0, skipped: 0 };
  let said: Record<string, string> = {};
  const parser = new SaxesParser();
  parser.on('error', (error) => {
    throw error;
  });
  parser.on('opentag', ({ name, attributes }) => {
    open.push(name);
    if (name === 'testsuite') {
      counted = { tests: 0, failures: 0, errors: 0, skipped: 0 };
      said = attributes as Record<string, string>;
    } else if (name === 'testcase') {
      const { classname = '', name: own = '' } = attributes as Record<string, string>;
      current = { classname, name: own, outcome: 'passed', message: '', text: '', out: '' };
      report.cases.push(current);
      counted.tests += 1;
    } else if (current !== undefined && (name === 'failure' || name === 'error')) {
      current.outcome = `${name} ${String(attributes['type'])}`;
      current.message = String(attributes['message'] ?? '');
      counted[`${name}s`] += 1;
    } else if (current !== undefined && name === 'skipped') {
      current.outcome = 'skipped';
      counted.skipped += 1;
    }
  });
  const onText = (text: string): void => {
    if (current === undefined) return;
    const element = open.at(-1);
    if (element === 'system-out') current.out += text;
    else if (element !== 'testcase') current.text += text;
  };
  parser.on('text', onText);
  parser.on('cdata', onText);
  parser.on('closetag', ({ name }) => {
    open.pop();
    if (name === 'testcase') current = undefined;
    if (name !== 'testsuite') return;
    for (const [key, count] of Object.entries(counted) as [keyof typeof counted, number][]) {
      if (said[key] !== String(count)) throw new Error(`${said['name']} says ${key}=${said[key]}, and has ${count}`);
      report[key] += count;
    }
  });
  parser.write(xml).close();
  return report;
}

/** What any reader should find: name, whether it failed, and why. */
export interface CommonCase {
  name: string;
  outcome: 'passed' | 'skipped' | 'failed';
  text: string;
}

export async function readWithJunit2json(xml: string): Promise<CommonCase[]> {
  const parsed = await parseToJson(xml);
  const suites = parsed === undefined || parsed === null ? [] : 'testsuite' in parsed ? (parsed.testsuite ?? []) : [];
  return suites.flatMap((suite) =>
    (suite.testcase ?? []).map(({ name, failure, error, skipped }): CommonCase => {
      const [told] = [...(failure ?? []), ...(error ?? [])];
      const text = told?.inner ?? '';
      const outcome = told !== undefined ? 'failed' : skipped !== undefined ? 'skipped' : 'passed';
      return { name: String(name), outcome, text: String(text) };
    }),
  );
}

export async function readWithTestResultsParser(xml: string): Promise<CommonCase[]> {
  const directory = await mkdtemp(join(tmpdir(), 'vmtest-read-'));
  try {
    const file = join(directory, 'junit.xml');
    await writeFile(file, xml);
    return parseResults({ type: 'junit', files: [file] }).suites.flatMap(({ cases }) =>
      cases.map(({ name, status, stack_trace: stack }): CommonCase => {
        const outcome = status === 'PASS' ? 'passed' : status === 'SKIP' ? 'skipped' : 'failed';
        return { name, outcome, text: stack };
      }),
    );
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
