/**
 * A `<testsuite>` as XML, by junit-report-builder. It gets only texts that XML can carry, and what it does not know
 * (texts of `<skipped>`, `flakyFailure`, CDATA with more than one `]]>`, `hostname`) is added to its elements.
 */
import type { Builder, TestCase } from 'junit-report-builder';
import type { JunitProblem } from './problem.js';
import type { JunitCase, JunitSuite } from './suite.js';
import { cdata } from './xml-text.js';

type XmlElement = ReturnType<TestCase['build']>;

/** Cases that are a tree at a time: a suite may have hundreds of thousands. */
const CHUNK = 1000;

export interface JunitTotals {
  tests: number;
  failures: number;
  errors: number;
  skipped: number;
}

export interface JunitWriter {
  /** The lines of a `<testsuite>`, indented once. `dialect`: Surefire's has neither `timestamp` nor `hostname`. */
  suite(suite: JunitSuite, dialect: 'jenkins' | 'surefire'): string;
}

export const XML_DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n';

export function totalsOf(cases: readonly JunitCase[]): JunitTotals {
  const totals = { tests: cases.length, failures: 0, errors: 0, skipped: 0 };
  for (const { problem, skipped } of cases) {
    if (problem !== undefined) totals[problem.element === 'failure' ? 'failures' : 'errors'] += 1;
    else if (skipped !== undefined) totals.skipped += 1;
  }
  return totals;
}

/** The first line of a report of several suites. Jenkins' schema has no `skipped` here. */
export function rootTag({ tests, failures, errors }: JunitTotals, seconds: number): string {
  return `<testsuites name="vmtest" tests="${tests}" failures="${failures}" errors="${errors}" time="${seconds}">\n`;
}

export async function createJunitWriter(): Promise<JunitWriter> {
  const { default: library } = (await import('junit-report-builder')) as unknown as { default: Builder };
  return {
    suite(suite, dialect) {
      const parts = [headOf(library.newBuilder(), suite, dialect)];
      for (let at = 0; at < suite.cases.length; at += CHUNK) {
        parts.push(casesOf(library.newBuilder(), suite.classname, suite.cases.slice(at, at + CHUNK)));
      }
      return `${parts.join('')}${END}`;
    },
  };
}

const END = '  </testsuite>\n';

/** The opening tag and the properties. */
function headOf(builder: Builder, suite: JunitSuite, dialect: 'jenkins' | 'surefire'): string {
  const totals = totalsOf(suite.cases);
  const element = builder.testSuite().name(suite.name).time(suite.seconds);
  // The cases are not in this tree.
  element.getTestCaseCount = () => totals.tests;
  element.getFailureCount = () => totals.failures;
  element.getErrorCount = () => totals.errors;
  element.getSkippedCount = () => totals.skipped;
  if (dialect === 'jenkins') {
    if (suite.begun !== undefined) element.timestamp(isoTime(suite.begun));
    if (suite.hostname !== undefined) {
      const { hostname } = suite;
      const build = element.build.bind(element);
      element.build = (parent) => build(parent).att('hostname', hostname);
    }
  }
  for (const [name, value] of suite.properties) element.property(name, value);
  const xml = builder.build();
  return xml.slice(afterLine(xml, 2), xml.lastIndexOf(END));
}

/** `2026-01-02T03:04:05Z`; '' for what is no time. */
function isoTime(ms: number): string {
  const date = new Date(ms);
  return Number.isNaN(date.getTime()) ? '' : `${date.toISOString().slice(0, -5)}Z`;
}

function casesOf(builder: Builder, classname: string, cases: readonly JunitCase[]): string {
  const suite = builder.testSuite();
  for (const each of cases) addCase(suite.testCase(), classname, each);
  const xml = builder.build();
  // Attributes have no line feeds, so that the tags of the groups are lines.
  return xml.slice(afterLine(xml, 3), xml.lastIndexOf(END));
}

/** Where the line after the first `lines` begins. */
function afterLine(text: string, lines: number): number {
  let at = 0;
  for (let i = 0; i < lines; i += 1) at = text.indexOf('\n', at) + 1;
  return at;
}

function addCase(element: TestCase, classname: string, each: JunitCase): void {
  element.className(classname).name(each.name).time(each.seconds);
  if (each.file !== undefined) element.file(each.file);
  if (each.problem?.element === 'failure') element.failure(each.problem.message, each.problem.type);
  if (each.problem?.element === 'error') element.error(each.problem.message, each.problem.type);
  if (each.problem === undefined && each.skipped !== undefined) element.skipped();
  const build = element.build.bind(element);
  element.build = (parent) => {
    const built = build(parent);
    if (each.line !== undefined) built.att('line', each.line);
    // It has one child at most: what was told above.
    const [told] = built.children as XmlElement[];
    addText(told, each.problem?.text ?? each.skipped);
    for (const flaky of each.flaky.filter((one) => one.element === 'failure')) addFlaky(built, 'flakyFailure', flaky);
    for (const flaky of each.flaky.filter((one) => one.element === 'error')) addFlaky(built, 'flakyError', flaky);
    if (each.out !== undefined) addText(built.ele('system-out'), each.out);
    return built;
  };
}

function addFlaky(parent: XmlElement, name: string, { message, type, text }: JunitProblem): void {
  addText(parent.ele(name, { message, type }).ele('stackTrace'), text);
}

function addText(element: XmlElement | undefined, text: string | undefined): void {
  if (element !== undefined && text !== undefined && text !== '') element.raw(cdata(text));
}
