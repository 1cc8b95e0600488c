/** JUnit files: valid whatever the guest says, and read back as what was meant. */
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { cleanText } from '../../results/clean-text.js';
import { eventsOf, type RunScript, TYPICAL } from '../../results/testing/run-events.js';
import { VERDICTS } from '../../results/verdict.js';
import { report, type Surroundings } from '../testing/report.js';
import { readJunit, readWithJunit2json, readWithTestResultsParser } from './testing/readers.js';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'vmtest-junit-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const schema = (dialect: string): string => fileURLToPath(new URL(`testing/${dialect}.xsd`, import.meta.url));

async function validate(files: string[], dialect: 'jenkins' | 'surefire'): Promise<void> {
  const { exitCode, stderr } = await execa('xmllint', ['--huge', '--noout', '--schema', schema(dialect), ...files], {
    reject: false,
  });
  expect({ exitCode, stderr: exitCode === 0 ? '' : stderr.slice(0, 2000) }).toEqual({ exitCode: 0, stderr: '' });
}

async function junit(script: RunScript, flags = '', more: Surroundings = {}): Promise<string> {
  const file = join(directory, 'junit.xml');
  const { problems } = await report(`junit${flags}=${file}`, eventsOf(script), more);
  expect(problems).toEqual([]);
  await validate([file], 'jenkins');
  return readFile(file, 'utf8');
}

const outcomes = async (xml: string): Promise<Record<string, string>> =>
  Object.fromEntries(
    (await readJunit(xml)).cases.map(({ classname, name, outcome }) => [`${classname} ${name}`, outcome]),
  );

const job = (attempt: NonNullable<RunScript['jobs'][0]['attempts']>[0], cell = 'c', suite = 's') => ({
  cell,
  suite,
  attempts: [attempt],
});

describe('junit', () => {
  it('tells each case with its verdict, and each job that failed in a case', async () => {
    const xml = await junit(TYPICAL);
    expect(await outcomes(xml)).toEqual({
      '6_1/512M.smoke smoke > boots': 'passed',
      '6_1/512M.smoke smoke > mounts': 'skipped',
      '6_1/512M.ktap list > adds': 'passed',
      '6_1/512M.ktap list > removes': 'failure failed',
      '6_1/512M.ktap list > sorts': 'passed',
      '6_8/512M.smoke smoke > boots': 'passed',
      '6_8/512M.ktap list > adds': 'passed',
      '6_8/512M.ktap list > removes': 'passed',
      '6_8/512M.ktap (job)': 'failure kernel-splat',
      '6_8/512M.panics a': 'passed',
      '6_8/512M.panics b': 'failure kernel-panic',
      '6_8/512M.panics c': 'skipped',
      '6_8/512M.no-image (job)': 'error infra-error',
      '6_8/512M.never (job)': 'skipped',
    });
    expect(xml).toMatch(
      /^<\?xml version="1.0" encoding="UTF-8"\?>\n<testsuites name="vmtest" tests="14" failures="3" errors="1" time="[\d.]+">/,
    );
    expect(xml).toContain('timestamp="2026-01-02T03:04:');
    expect(xml).toContain('hostname="builder"');
    for (const [name, value] of [
      ['kernel', '6.1.0-56-cloud-amd64'],
      ['arch', 'x86_64'],
      ['engine', 'native'],
      ['image.digest', 'ab'.repeat(32)],
      ['axis.memory', '512M'],
    ]) {
      expect(xml).toContain(`<property name="${name}" value="${value}"/>`);
    }
  });

  it('gives the reason, the fault, the console and the files of what failed', async () => {
    const { cases } = await readJunit(await junit(TYPICAL, '', { results: '/work/out' }));
    const text = (name: string): string => cases.find((each) => each.name === name && each.text !== '')?.text ?? '';
    expect(text('list > removes').split('\n')).toEqual([
      'expected 1, got 2',
      'at lib/list-test.c:42',
      'EXPECTATION FAILED at lib/list-test.c:42',
      'Expected 1 == list_count(&list)',
      '1 of 3 tests did not pass',
      'exit code 1',
      'console:',
      '[    1.000000] list: loaded',
      '[    1.500000] list: done',
      'repeat: vmtest --project "6.1/512M > ktap"',
    ]);
    expect(text('(job)')).toContain(
      'fault: KASAN: slab-out-of-bounds Write in foo_write during list > removes\n    foo_write+0x1a/0x40 [foo]',
    );
    expect(cases.find(({ name }) => name === 'list > removes')?.out).toBe(
      '[[ATTACHMENT|out/jobs/6.1-512M/ktap/0/console.log]]\n[[ATTACHMENT|out/jobs/6.1-512M/ktap/0/stdout.log]]',
    );
    const absolute = await junit(TYPICAL, '+absolute', { results: '/work/out' });
    expect(absolute).toContain('[[ATTACHMENT|/work/out/jobs/6.1-512M/ktap/0/console.log]]');
  });

  it('is read alike by the readers that people use', async () => {
    const diagnostics = 'a <b> & "c" ]]> d ]]> e\n  caf\u00e9 \u{1f600} \u001b[31mred\u001b[0m \ud800 end';
    const hard = job({
      verdict: 'failed',
      cases: [{ path: ['<x> & "y"'], verdict: 'failed', message: 'm ]]> m', diagnostics }],
    });
    const xml = await junit({ jobs: [...TYPICAL.jobs, hard] });
    const ours = (await readJunit(xml)).cases.map(({ name, outcome, text }) => {
      const word = outcome === 'passed' || outcome === 'skipped' ? outcome : 'failed';
      // One of them has no texts of what was skipped.
      return { name, outcome: word, text: word === 'failed' ? text : '' };
    });
    expect(ours.find(({ name }) => name.startsWith('<x>'))?.text).toContain(
      'm ]]> m\na <b> & "c" ]]> d ]]> e\n  caf\u00e9 \u{1f600} red \ufffd end\n',
    );
    expect(await readWithJunit2json(xml)).toEqual(ours);
    expect(await readWithTestResultsParser(xml)).toEqual(ours);
  });

  it('is silent about flaky runs, but with the switch', async () => {
    expect(await junit(TYPICAL)).not.toContain('<flaky');
    expect(await junit(TYPICAL, '+flaky')).toContain('<flakyFailure message="no output for 30s" type="idle-timeout">');
    const lost = {
      cell: 'c',
      suite: 's',
      attempts: [{ verdict: 'infra-error' } as const, { verdict: 'flaky', cases: [{ path: ['a'] }] } as const],
    };
    const xml = await junit({ jobs: [lost] }, '+flaky');
    expect(xml).toMatch(/name="\(job\)"[^>]*>\n\s*<flakyError message="infra-error" type="infra-error">/);
    expect(await outcomes(xml)).toEqual({ 'c.s a': 'passed', 'c.s (job)': 'passed' });
  });

  it('writes a file for each job in the dialect of Surefire, valid in both', async () => {
    const { problems } = await report(`junit+surefire+flaky=${directory}`, eventsOf(TYPICAL));
    expect(problems).toEqual([]);
    const files = (await readdir(directory)).sort();
    expect(files).toHaveLength(7);
    expect(files[0]).toBe('TEST-6_1_512M.ktap.xml');
    const paths = files.map((file) => join(directory, file));
    await validate(paths, 'surefire');
    await validate(paths, 'jenkins');
    await expect(report(`junit+surefire=${directory}`, [])).rejects.toMatchObject({ code: 'VMTEST_RESULTS' });
    await expect(report('junit+surefire', [])).rejects.toMatchObject({ code: 'VMTEST_USAGE' });
  });

  it('names places in attributes only with the switch: no schema has them', async () => {
    expect(await junit(TYPICAL)).not.toContain('line="42"');
    const file = join(directory, 'places.xml');
    await report(`junit+locations=${file}`, eventsOf(TYPICAL));
    expect(await readFile(file, 'utf8')).toContain('file="lib/list-test.c" line="42"');
  });

  it('keeps names apart that would be the same', async () => {
    const twice = [{ path: ['a > b'] }, { path: ['a', 'b'] }, { path: ['(job)'] }, { path: ['\u001b[1m'] }];
    const xml = await junit({
      jobs: [job({ verdict: 'guest-exit', cases: twice }, '6.1'), job({ cases: [{ path: ['a', 'b'] }] }, '6_1')],
    });
    expect(Object.keys(await outcomes(xml))).toEqual([
      '6_1.s a > b',
      '6_1.s a > b #2',
      '6_1.s (job)',
      '6_1.s (no name)',
      '6_1.s (job) #2',
      '6_1.s #2 a > b',
    ]);
  });

  it('has an error where a run was killed, and where only the run failed', async () => {
    const killed = await junit({ jobs: [job({ cases: [{ path: ['a'] }], unfinished: true })], end: false });
    expect(await outcomes(killed)).toEqual({ 'c.s a': 'passed', 'c.s (job)': 'error interrupted' });
    const between = await junit({
      jobs: [job({ cases: [{ path: ['a'] }] }), { cell: 'c', suite: 'never' }],
      end: false,
    });
    expect(await outcomes(between)).toEqual({
      'c.s a': 'passed',
      'c.never (job)': 'skipped',
      'vmtest.run (run)': 'error interrupted',
    });
    const flaky = await junit({
      jobs: [job({ verdict: 'flaky', cases: [{ path: ['a'] }] })],
      end: { status: 'failed', message: '--fail-on-flaky' },
    });
    expect(await outcomes(flaky)).toEqual({ 'c.s a': 'passed', 'vmtest.run (run)': 'failure failed' });
  });

  it.each(VERDICTS)('has no failure that no case shows: %s', async (verdict) => {
    const xml = await junit({ jobs: [job({ verdict, message: 'why', cases: [{ path: ['a'] }] })] });
    const { failures, errors } = await readJunit(xml);
    const failed = verdict !== 'passed' && verdict !== 'flaky' && verdict !== 'skipped';
    expect(failures + errors).toBe(failed ? 1 : 0);
  });

  it('cuts a long text in the middle, and names the file that has all of it', async () => {
    const diagnostics = `begin ${'x]]>'.repeat(100_000)} end`;
    const attachments = [{ name: 'stdout', path: 'jobs/stdout.log' }];
    const xml = await junit({
      jobs: [job({ verdict: 'failed', cases: [{ path: ['a'], verdict: 'failed', diagnostics }], attachments })],
    });
    expect(xml.length).toBeLessThan(200_000);
    const [only] = (await readJunit(xml)).cases;
    expect(only?.text).toMatch(
      /^begin x\]\]>[\s\S]*\n\[\.\.\. \d+ characters left out; the whole is in jobs\/stdout\.log \.\.\.\]\n[\s\S]* end\n/,
    );
  });

  it('writes 10,000 cases with counts that are right', async () => {
    const cases = Array.from({ length: 10_000 }, (_, i) => ({
      path: ['suite', `t${i}`],
      verdict: i % 10 === 0 ? ('failed' as const) : ('passed' as const),
    }));
    const xml = await junit({ jobs: [job({ verdict: 'failed', cases })] });
    expect(xml).toContain('tests="10000" failures="1000" errors="0" skipped="0"');
    const read = await readJunit(xml);
    expect(read.cases).toHaveLength(10_000);
    expect(new Set(read.cases.map(({ name }) => name)).size).toBe(10_000);
    expect(read.cases[9_999]).toMatchObject({ name: 'suite > t9999', outcome: 'passed' });
  });

  it('is valid with times that clocks and guests make up', async () => {
    const cases = [-1, 1e300, 5e-324, 0.0004, 123456789.12345].map((durationMs, i) => ({
      path: [`t${i}`],
      durationMs,
    }));
    const xml = await junit({ jobs: [job({ cases })], end: { durationMs: -5 } });
    expect([...xml.matchAll(/<testcase [^>]*time="([^"]*)"/g)].map(([, time]) => time)).toEqual([
      '0',
      '1000000000',
      '0',
      '0',
      '123456.789',
    ]);
  });

  it('is valid for any text, and reads back what of it can be printed', { timeout: 300_000 }, async () => {
    const nasty = fc.constantFrom(
      '\u001b[31m',
      '\u001b',
      '[0m',
      ']]>',
      '<![CDATA[',
      '&amp;',
      '<',
      '"',
      "'",
      '\ud800',
      '\udc00',
      '\ufffe',
      '\0',
      '\r\n',
      '\r',
      '\u0085',
      '\u2028',
      '\t',
      ' ',
      '\n',
      '\u{1f600}',
      '\u{1fffe}',
      '--',
      '?>',
      'caf\u00e9',
    );
    const bytes = fc.uint8Array({ maxLength: 40 }).map((raw) => Buffer.from(raw).toString('latin1'));
    const utf8 = fc.uint8Array({ maxLength: 40 }).map((raw) => Buffer.from(raw).toString('utf8'));
    const text = fc
      .array(fc.oneof(nasty, bytes, utf8, fc.string({ unit: 'binary' })), { maxLength: 8 })
      .map((parts) => parts.join(''));
    const verdict = fc.constantFrom('passed', 'failed', 'skipped', 'kernel-panic', 'infra-error', 'not-run', 'flaky');
    const cases = fc.array(
      fc.record({ path: fc.array(text, { minLength: 1, maxLength: 3 }), verdict, message: text, diagnostics: text }),
      { maxLength: 4 },
    );
    const jobs = fc.uniqueArray(
      fc.record({
        cell: text,
        suite: text,
        axes: fc.dictionary(text, text, { maxKeys: 2 }),
        cases,
        message: text,
        console: fc.array(text, { maxLength: 2 }),
        file: text,
      }),
      { maxLength: 3, selector: ({ cell, suite }) => `${cell} > ${suite}` },
    );
    let run = 0;
    const files: string[] = [];
    await fc.assert(
      fc.asyncProperty(jobs, async (scripts) => {
        const script: RunScript = {
          jobs: scripts.map(({ cell, suite, axes, cases: each, message, console, file }) => ({
            cell,
            suite,
            axes,
            attempts: [
              { verdict: 'failed', message, console, cases: each, attachments: [{ name: 'stdout', path: file }] },
            ],
          })),
        };
        run += 1;
        const path = join(directory, `${run}.xml`);
        const { problems } = await report(`junit+flaky=${path}`, eventsOf(script));
        expect(problems).toEqual([]);
        files.push(path);
        const read = (await readJunit(await readFile(path, 'utf8'))).cases;
        const told = read.filter(({ name, text: said }) => name !== '(run)' && said !== '');
        const expected = scripts
          .flatMap(({ cases: each }) => each)
          .filter(({ verdict: word }) => word === 'failed' || word === 'kernel-panic' || word === 'infra-error');
        for (const { diagnostics, message } of expected) {
          for (const part of [diagnostics, message]) {
            const wanted = cleanText(part).trim();
            // What is at an edge may be trimmed by a reader.
            expect(told.some(({ text: said }) => said.includes(wanted))).toBe(true);
          }
        }
      }),
      { numRuns: 150 },
    );
    await validate(files, 'jenkins');
  });

  it('goes to standard output, and tells of a file that cannot be written', async () => {
    const { text } = await report('junit', eventsOf(TYPICAL));
    expect(text).toMatch(/^<\?xml [\s\S]*<\/testsuites>\n$/);
    await writeFile(join(directory, 'file'), '');
    await expect(report(`junit=${directory}/file/junit.xml`, [])).rejects.toMatchObject({ code: 'VMTEST_RESULTS' });
    const { problems } = await report('junit=/dev/full', eventsOf(TYPICAL));
    expect(problems).toMatchObject([
      { reporter: 'junit', error: { code: 'VMTEST_RESULTS', message: expect.stringContaining('ENOSPC') } },
    ]);
    expect(await readdir(directory)).toEqual(['file']);
  });
});
