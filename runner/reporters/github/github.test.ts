/** Annotations and the job summary. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { eventsOf, type JobScript, TYPICAL } from '../../results/testing/run-events.js';
import { report } from '../testing/report.js';
import { workflowCommand } from './commands.js';

let directory: string;
let summary: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'vmtest-github-'));
  summary = join(directory, 'summary.md');
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const github = (jobs: readonly JobScript[], env: Record<string, string> = {}) =>
  report('github', eventsOf({ jobs }), { env: { GITHUB_STEP_SUMMARY: summary, ...env } });

const failing = (cell: string, file: string): JobScript => ({
  cell,
  suite: 's',
  attempts: [
    { verdict: 'failed', cases: [{ path: ['a'], verdict: 'failed', message: 'no', location: { file, line: 3 } }] },
  ],
});

/** What the runner makes of a command: it takes the list up to `::`, and undoes the escapes. */
function understood(line: string): Record<string, string> {
  const [, level = '', list = '', data = ''] = /^::(\w+) ?(.*?)::(.*)$/.exec(line) ?? [];
  const undo = (text: string): string =>
    text.replace(/%(0D|0A|3A|2C|25)/g, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)));
  const properties =
    list === ''
      ? []
      : list.split(',').map((each) => [each.slice(0, each.indexOf('=')), undo(each.slice(each.indexOf('=') + 1))]);
  return { level, message: undo(data), ...Object.fromEntries(properties) };
}

describe('github', () => {
  it('annotates what failed, where it failed', async () => {
    const { text } = await github(TYPICAL.jobs);
    expect(text.trimEnd().split('\n').map(understood)).toEqual([
      {
        level: 'error',
        file: 'lib/list-test.c',
        line: '42',
        title: 'ktap: list > removes',
        message:
          'failed: expected 1, got 2\nin 6.1/512M\nEXPECTATION FAILED at lib/list-test.c:42\nExpected 1 == list_count(&list)',
      },
      expect.objectContaining({
        title: 'ktap',
        message: expect.stringMatching(/^kernel-splat: KASAN.*\nin 6\.8\/512M\nKASAN/),
      }),
      expect.objectContaining({ title: 'panics: b' }),
      expect.objectContaining({
        title: 'no-image',
        message: 'infra-error: image debian-12 cannot be fetched\nin 6.8/512M',
      }),
    ]);
  });

  it('tells the same failure of many cells once', async () => {
    const { text } = await github(Array.from({ length: 30 }, (_, i) => failing(`c${i}`, 'x.c')));
    const lines = text.trimEnd().split('\n');
    expect(lines).toHaveLength(1);
    expect(understood(lines[0] ?? '')['message']).toBe(
      `failed: no\nin ${Array.from({ length: 10 }, (_, i) => `c${i}`).join(', ')} and 20 more`,
    );
  });

  it.each([
    ['/home/me/repo/src/x.c', 'src/x.c'],
    ['src/x.c', 'src/x.c'],
    ['/usr/src/x.c', undefined],
    ['../x.c', undefined],
  ])('annotates only files of the checkout: %s', async (file, expected) => {
    const { text } = await github([failing('c', file)], { GITHUB_WORKSPACE: '/home/me/repo' });
    expect(understood(text.trimEnd())['file']).toBe(expected);
  });

  it('writes any text so that the runner reads the same, and nothing else', () => {
    const text = fc.string({ unit: fc.constantFrom('%', '\r', '\n', ':', ',', '=', '::', '%0A', '%25', 'a', ' ') });
    fc.assert(
      fc.property(text, text, text, (title, file, message) => {
        const line = workflowCommand({ level: 'error', title, file, message });
        expect(line).not.toMatch(/[\r\n]/);
        expect(understood(line)).toEqual({
          level: 'error',
          message,
          ...(title === '' ? {} : { title }),
          ...(file === '' ? {} : { file }),
        });
      }),
    );
  });

  it('has a table of cells and suites', async () => {
    await writeFile(summary, 'what was there\n');
    await github(TYPICAL.jobs);
    const text = await readFile(summary, 'utf8');
    expect(text).toContain('what was there\n### ❌ vmtest: failed\n');
    expect(text).toContain(
      '| | smoke | ktap | panics | no-image | never |\n|---|---|---|---|---|---|\n' +
        '| 6.1/512M | ✅ 2/2 | ❌ failed 2/3 |  |  |  |\n' +
        '| 6.8/512M | ⚠️ flaky 1/1 | ❌ kernel-splat 2/2 | ❌ kernel-panic 1/3 | ❌ infra-error | ⬜ not-run |\n',
    );
  });

  it('keeps names from being Markdown', async () => {
    await github([failing('a|b <img src=x> `c` [d](e) \n| x', 'x.c')]);
    const text = await readFile(summary, 'utf8');
    expect(text).toContain('| a\\|b &lt;img src=x&gt; \\`c\\` \\[d\\](e) \\\\x0a\\| x | ❌');
  });

  it('stays below the limit, also of what is there already, and says what is left out', async () => {
    const jobs = Array.from(
      { length: 6000 },
      (_, i): JobScript => ({
        cell: `${i} ${'x'.repeat(200)}`,
        suite: 's',
        attempts: [i === 5999 ? { verdict: 'failed' } : {}],
      }),
    );
    await writeFile(summary, 'y'.repeat(200_000));
    await github(jobs);
    const text = await readFile(summary);
    expect(text.length).toBeLessThanOrEqual(1024 * 1024);
    expect(text.length).toBeGreaterThan(900_000);
    expect(text.toString()).toMatch(/\|---\|---\|\n\| 5999 x+ \| ❌ failed \|\n/);
    expect(text.toString()).toMatch(/The rest does not fit into a summary\.\n$/);
    await writeFile(summary, 'y'.repeat(1024 * 1024));
    await github(jobs.slice(0, 3));
    expect((await readFile(summary)).length).toBe(1024 * 1024);
  });

  it('tells of a summary that cannot be written, and is content without one', async () => {
    const { problems } = await github(TYPICAL.jobs, { GITHUB_STEP_SUMMARY: directory });
    expect(problems).toMatchObject([{ error: { code: 'VMTEST_RESULTS' } }]);
    expect((await github(TYPICAL.jobs, { GITHUB_STEP_SUMMARY: '' })).problems).toEqual([]);
  });
});
