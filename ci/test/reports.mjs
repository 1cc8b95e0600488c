// Counts out of the reports that test runners write. A report that does not parse throws, and its stage then
// counts as failed.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { root } from './process.mjs';

/** Where the runners put their reports. */
export const RESULTS = join(root, 'build/test-results');

/**
 * @typedef {{ name: string, reason: string }} Skip
 * @typedef {{ passed: number, failures: string[], skips: Skip[] }} Counts
 */

/** @returns {Counts} */
export function noCounts() {
  return { passed: 0, failures: [], skips: [] };
}

/** @type {(all: Counts[]) => Counts} */
export function addCounts(all) {
  return {
    passed: all.reduce((sum, counts) => sum + counts.passed, 0),
    failures: all.flatMap((counts) => counts.failures),
    skips: all.flatMap((counts) => counts.skips),
  };
}

const NO_REASON = 'no reason given';

/** vitest --reporter=json @param {string} text @returns {Counts} */
export function readVitest(text) {
  const counts = noCounts();
  for (const file of JSON.parse(text).testResults) {
    // A file that fails to load has no tests in it.
    if (file.status === 'failed' && file.assertionResults.length === 0) counts.failures.push(file.name);
    for (const { fullName, status, meta } of file.assertionResults) {
      if (status === 'passed') counts.passed++;
      else if (status === 'failed') counts.failures.push(fullName);
      else counts.skips.push({ name: fullName, reason: meta?.reason ?? NO_REASON });
    }
  }
  return counts;
}

/** playwright test --reporter=json @param {string} text @returns {Counts} */
export function readPlaywright(text) {
  const counts = noCounts();
  const report = JSON.parse(text);
  for (const error of report.errors) counts.failures.push(`playwright: ${firstLine(error.message ?? 'error')}`);
  /** @type {(suite: any, path: string[]) => void} */
  const visit = (suite, path) => {
    for (const inner of suite.suites ?? []) visit(inner, [...path, inner.title]);
    for (const spec of suite.specs ?? []) {
      const name = [...path, spec.title].join(' > ');
      for (const test of spec.tests) {
        if (test.status === 'expected') counts.passed++;
        else if (test.status === 'skipped') counts.skips.push({ name, reason: skipReason(test) });
        // "flaky" too: a test that fails sometimes is a bug with a cause.
        else counts.failures.push(name);
      }
    }
  };
  for (const suite of report.suites) visit(suite, [suite.title]);
  return counts;
}

/** @param {any} test */
function skipReason(test) {
  const annotation = test.annotations.find((/** @type {any} */ { type }) => type === 'skip' || type === 'fixme');
  // Playwright also reports tests as skipped that it never came to, after a fatal error or --max-failures.
  return annotation ? (annotation.description ?? NO_REASON) : 'was not run';
}

/** ctest --output-junit @param {string} text @returns {Counts} */
export function readCtest(text) {
  if (!/<testsuite\b/.test(text)) throw new Error('not a JUnit report');
  const counts = noCounts();
  for (const [, attributes = '', body = ''] of text.matchAll(/<testcase\b([^>]*?)(?:\/>|>(.*?)<\/testcase>)/gs)) {
    const name = unescapeXml(/\bname="([^"]*)"/.exec(attributes)?.[1] ?? '');
    const status = /\bstatus="([^"]*)"/.exec(attributes)?.[1];
    if (status === 'run') counts.passed++;
    else if (/<skipped\b/.test(body)) counts.skips.push({ name, reason: gtestReason(body) });
    else if (status === 'disabled') counts.skips.push({ name, reason: 'the test is disabled' });
    else counts.failures.push(name);
  }
  return counts;
}

/** A GoogleTest binary's --gtest_output=json @param {string} text @returns {Counts} */
export function readGtest(text) {
  const counts = noCounts();
  for (const suite of JSON.parse(text).testsuites) {
    for (const test of suite.testsuite) {
      const name = `${suite.name}.${test.name}`;
      if (test.failures !== undefined) counts.failures.push(name);
      else if (test.result === 'COMPLETED') counts.passed++;
      else counts.skips.push({ name, reason: test.skipped?.[0]?.message?.trim().split('\n').at(-1) ?? NO_REASON });
    }
  }
  return counts;
}

/** The TAP of our own scripts. One that was cut off has no plan. @param {string} text @returns {Counts} */
export function readTap(text) {
  const counts = noCounts();
  for (const [, not, name = '', reason] of text.matchAll(/^(not )?ok \d+ - (.*?)(?: # SKIP (.*))?$/gm)) {
    if (not !== undefined) counts.failures.push(name);
    else if (reason !== undefined) counts.skips.push({ name, reason });
    else counts.passed++;
  }
  const seen = counts.passed + counts.failures.length + counts.skips.length;
  const planned = /^1\.\.(\d+)$/m.exec(text)?.[1];
  if (planned !== `${seen}`) counts.failures.push(`${planned ?? 'no'} tests were planned, ${seen} were reported`);
  return counts;
}

/** What GTEST_SKIP() << "..." printed: the line after "file:line: Skipped". @param {string} body */
function gtestReason(body) {
  const output = unescapeXml(/<system-out>(.*?)<\/system-out>/s.exec(body)?.[1] ?? '');
  return /: Skipped\r?\n([^\n]+)/.exec(output)?.[1]?.trim() || NO_REASON;
}

/** @param {string} text */
function unescapeXml(text) {
  const names = { lt: '<', gt: '>', quot: '"', apos: "'", amp: '&' };
  return text.replace(/&(lt|gt|quot|apos|amp);/g, (_, name) => names[/** @type {keyof typeof names} */ (name)]);
}

/** @param {string} text */
function firstLine(text) {
  return text.split('\n', 1)[0] ?? '';
}

/**
 * A runner that failed without naming a failure, or that left no report, still counts as one.
 * @type {(name: string, ok: boolean, file: string, read: (text: string) => Counts) => Promise<Counts>}
 */
export async function count(name, ok, file, read) {
  const text = await readFile(file, 'utf8').catch(() => null);
  if (text === null) return { ...noCounts(), failures: [`${name}: ended without a report`] };
  const counts = read(text);
  if (!ok && counts.failures.length === 0) counts.failures.push(`${name}: failed, though no test did`);
  if (ok && counts.passed + counts.failures.length + counts.skips.length === 0) {
    counts.failures.push(`${name}: ran no tests`);
  }
  return counts;
}
