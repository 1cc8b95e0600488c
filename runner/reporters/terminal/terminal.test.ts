/** What people see: in the log of a CI system, on a terminal, on a narrow one, of hostile guests. */
import fc from 'fast-check';
import stringWidth from 'string-width';
import { describe, expect, it } from 'vitest';
import { withoutAnsi } from '../../results/clean-text.js';
import { createRunModel } from '../../results/events/run-model.js';
import { eventsOf, type RunScript, TYPICAL } from '../../results/testing/run-events.js';
import type { ReporterContext } from '../reporter.js';
import { duration, shown } from '../shown.js';
import { createScreen, report, type Screen } from '../testing/report.js';
import { createListReporter } from './list.js';
import { cut, progressLines } from './progress-lines.js';
import { createStyle, isCalm, wantsColour } from './style.js';

// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for.
const CONTROLS = /[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e]/;

describe('list', () => {
  it('prints each job as it ends, and why it failed', async () => {
    const { text, problems } = await report('list', eventsOf(TYPICAL), { results: '/work/out' });
    expect(problems).toEqual([]);
    expect(text).not.toMatch(CONTROLS);
    expect(text.split('\n').slice(0, 12)).toEqual([
      'passed 6.1/512M > smoke (1 passed, 1 skipped, 1.5s)',
      'failed 6.1/512M > ktap (2 passed, 1 failed, 1.8s)',
      '  1 of 3 tests did not pass',
      '  failed list > removes: expected 1, got 2 (lib/list-test.c:42)',
      '    | EXPECTATION FAILED at lib/list-test.c:42',
      '    | Expected 1 == list_count(&list)',
      '  console:',
      '    | [    1.000000] list: loaded',
      '    | [    1.500000] list: done',
      '  exit code 1',
      '  repeat: vmtest --project "6.1/512M > ktap"',
      'idle-timeout 6.8/512M > smoke (1 idle-timeout, attempt 1, 1.3s) will be tried again',
    ]);
    expect(text).toContain('flaky 6.8/512M > smoke (1 passed, attempt 2, 1.3s)\n');
    expect(text).toContain(
      '  fault: KASAN: slab-out-of-bounds Write in foo_write during list > removes\n      foo_write+0x1a/0x40 [foo]\n      vfs_write+0x1b2/0x4c0  fs/read_write.c:582\n',
    );
    expect(text.split('\n').slice(-16)).toEqual([
      '',
      'failed 6.1/512M > ktap: 1 of 3 tests did not pass',
      '    vmtest --project "6.1/512M > ktap"',
      'kernel-splat 6.8/512M > ktap: KASAN: slab-out-of-bounds Write in foo_write',
      '    vmtest --project "6.8/512M > ktap"',
      'kernel-panic 6.8/512M > panics: Kernel panic - not syncing: sysrq triggered crash',
      '    vmtest --project "6.8/512M > panics"',
      'infra-error 6.8/512M > no-image: image debian-12 cannot be fetched',
      '    vmtest --project "6.8/512M > no-image"',
      '',
      'jobs     1 passed, 1 flaky, 1 failed, 1 kernel-splat, 1 kernel-panic, 1 infra-error, 1 not-run of 7',
      'cases    7 passed, 1 skipped, 1 failed, 1 kernel-panic, 1 not-run',
      'time     11.8s',
      'results  out',
      'failed',
      '',
    ]);
  });

  it('says that a run was killed, that there was nothing to run, and what it was warned of', async () => {
    const killed = await report(
      'list',
      eventsOf({ jobs: [{ cell: 'c', suite: 's', attempts: [{ unfinished: true }] }], end: false }),
    );
    expect(killed.text).toContain('interrupted: the run has no end: it was killed\n');
    const none = await report('list', eventsOf({ jobs: [] }));
    expect(none.text).toMatch(/^nothing to run\n[\s\S]*jobs {5}none\ncases {4}none\n/);
    const warned = await report(
      'line',
      eventsOf({ jobs: [{ cell: 'c', suite: 's', attempts: [{ warnings: ['teardown failed'] }] }] }),
    );
    expect(warned.text).toContain('passed c > s (1.0s)\n  warning: teardown failed\n');
  });

  it('shows little of 10,000 failures, and how many there are', async () => {
    const cases = Array.from({ length: 10_000 }, (_, i) => ({
      path: [`t${i}`],
      verdict: 'failed' as const,
      diagnostics: 'x\n'.repeat(50),
    }));
    const { text } = await report(
      'list',
      eventsOf({ jobs: [{ cell: 'c', suite: 's', attempts: [{ verdict: 'failed', cases }] }] }),
    );
    expect(text.split('\n').length).toBeLessThan(150);
    expect(text).toContain('(10000 failed, ');
    expect(text).toContain('  and 9990 more that did not pass\n');
    expect(text).toContain('    | [... 40 lines]\n');
  });

  it.each(['list', 'line', 'dot'])('%s lets nothing of a guest reach the terminal but text', async (kind) => {
    const evil = fc
      .array(
        fc.oneof(
          fc.constantFrom(
            '\u001b[2J',
            '\u001b]0;x\u0007',
            '\u009b31m',
            '\r',
            '\n::error::x',
            '\u202e',
            '##[error]x',
            '\0',
            '\b',
          ),
          fc.string({ unit: 'binary' }),
        ),
        { maxLength: 4 },
      )
      .map((parts) => parts.join(''));
    await fc.assert(
      fc.asyncProperty(
        evil,
        evil,
        evil,
        fc.array(evil, { minLength: 1, maxLength: 3 }),
        async (cell, suite, message, path) => {
          const script: RunScript = {
            jobs: [
              {
                cell,
                suite,
                attempts: [
                  {
                    verdict: 'kernel-panic',
                    message,
                    cases: [{ path, verdict: 'failed', message, diagnostics: message, location: { file: message } }],
                    faults: [{ during: path }],
                    console: [message],
                    warnings: [message],
                  },
                ],
              },
            ],
          };
          const { text, problems } = await report(kind, eventsOf(script));
          expect(problems).toEqual([]);
          expect(text).not.toMatch(CONTROLS);
          // No line is a command for the runner of a CI system.
          expect(text).not.toMatch(/^\s*::|##\[/m);
        },
      ),
      { numRuns: 200 },
    );
  });
});

describe('line and dot', () => {
  it('print only what failed', async () => {
    const { text } = await report('line', eventsOf(TYPICAL));
    expect(text).not.toContain('passed 6.1');
    expect(text).toContain('failed 6.1/512M > ktap (2 passed, 1 failed, 1.8s)\n');
  });

  it('print a character for each case, or for a job that no case speaks for', async () => {
    const { text } = await report('dot', eventsOf(TYPICAL));
    expect(text.split('\n')[0]).toBe('.s.F.E...E.E-E');
    const many = Array.from({ length: 170 }, (_, i) => ({ path: [`t${i}`] }));
    const wide = await report('dot', eventsOf({ jobs: [{ cell: 'c', suite: 's', attempts: [{ cases: many }] }] }));
    expect(wide.text.split('\n').slice(0, 4)).toEqual(['.'.repeat(80), '.'.repeat(80), '.'.repeat(10), '']);
  });
});

describe('colours', () => {
  const tty = createScreen({ isTTY: true });
  const pipe = createScreen();
  it.each([
    [tty, {}, true],
    [pipe, {}, false],
    [tty, { NO_COLOR: '1' }, false],
    [tty, { NO_COLOR: '' }, true],
    [tty, { TERM: 'dumb' }, false],
    [pipe, { FORCE_COLOR: '1' }, true],
    [pipe, { FORCE_COLOR: '' }, true],
    [tty, { FORCE_COLOR: '0' }, false],
    [pipe, { FORCE_COLOR: '1', NO_COLOR: '1' }, true],
  ])('%#', (stream, env, on) => {
    expect(wantsColour(stream, env)).toBe(on);
  });

  it('are those of the verdicts, and the text is the same without them', async () => {
    const plain = await report('list', eventsOf(TYPICAL));
    const coloured = await report('list', eventsOf(TYPICAL), { env: { FORCE_COLOR: '1' } });
    expect(coloured.text).toContain('\u001b[32mpassed\u001b[39m 6.1/512M > smoke');
    expect(coloured.text).toContain('\u001b[31mkernel-panic\u001b[39m');
    expect(withoutAnsi(coloured.text)).toBe(plain.text);
  });

  it('and progress are not for CI systems, pipes and dumb terminals', () => {
    expect(isCalm(tty, {})).toBe(false);
    expect(isCalm(pipe, {})).toBe(true);
    expect(isCalm(tty, { TERM: 'dumb' })).toBe(true);
    expect(isCalm(tty, { CI: 'true' })).toBe(true);
    expect(isCalm(tty, { CI: 'false' })).toBe(false);
  });
});

describe('progress', () => {
  /** Every job of TYPICAL is running, for a while. */
  const running = eventsOf({
    jobs: TYPICAL.jobs.slice(0, 4).map((job) => ({ ...job, attempts: [{ ...job.attempts?.[0], unfinished: true }] })),
    end: false,
  });
  const last = running.at(-1)?.time ?? 0;

  it('has a line for each guest: its stage, for how long, and what it has done', () => {
    const model = createRunModel();
    for (const event of running) model.apply(event);
    const screen = { columns: 80, rows: 24, widthOf: stringWidth, now: last + 65_000 };
    expect(progressLines(model, createStyle(false), screen)).toEqual([
      '  6.1/512M > smoke  command 1m 10s 2 cases',
      '  6.1/512M > ktap  command 1m 09s 3 cases 1 failed',
      '  6.8/512M > smoke  command 1m 07s 1 case 1 failed',
      '  6.8/512M > ktap  command 1m 06s 2 cases',
      '0/4 jobs, 8 cases, 2 failed, 1m 11s',
    ]);
    expect(progressLines(model, createStyle(false), { ...screen, rows: 5 })).toEqual([
      '  6.1/512M > smoke  command 1m 10s 2 cases',
      '  and 3 more running',
      '0/4 jobs, 8 cases, 2 failed, 1m 11s',
    ]);
  });

  it('fits into any terminal', () => {
    const wide = { cell: '\u{1f600}\u4e2d\u6587'.repeat(30), suite: 'e\u0301'.repeat(50) };
    const model = createRunModel();
    for (const event of eventsOf({
      jobs: [{ ...wide, attempts: [{ cases: [{ path: ['x'], verdict: 'failed' }], unfinished: true }] }],
      end: false,
    }))
      model.apply(event);
    for (let columns = 1; columns < 150; columns += 1) {
      for (const rows of [1, 2, 3, 24]) {
        const lines = progressLines(model, createStyle(true), { columns, rows, widthOf: stringWidth, now: last });
        expect(lines.length).toBeLessThanOrEqual(Math.max(1, rows));
        for (const line of lines) expect(stringWidth(line)).toBeLessThanOrEqual(Math.max(8, columns));
      }
    }
    expect(cut('abc', 0, stringWidth)).toBe('');
    expect(cut('\u4e2d\u6587', 3, stringWidth)).toBe('\u4e2d…');
  });

  function liveContext(stdout: Screen): { context: ReporterContext; tick: () => void } {
    let tick = (): void => {};
    const every = (_: number, each: () => void): (() => void) => {
      tick = each;
      return () => {
        tick = () => {};
      };
    };
    const context = { stdout, env: {}, cwd: '/work', documents: 'stdout', live: true, now: () => last, every } as const;
    return { context, tick: () => tick() };
  }

  it('is drawn over below what stays, and is gone at the end', async () => {
    const stdout = createScreen({ isTTY: true, columns: 60, rows: 10 });
    const { context, tick } = liveContext(stdout);
    const reporter = await createListReporter('list', context);
    const events = eventsOf(TYPICAL);
    for (const event of events.slice(0, 4)) reporter.onEvent(event);
    tick();
    expect(withoutAnsi(stdout.text)).toContain('  6.1/512M > smoke  boot');
    for (const event of events.slice(4)) {
      reporter.onEvent(event);
      tick();
    }
    await reporter.finish();
    const size = stdout.text.length;
    tick();
    expect(stdout.text).toHaveLength(size);
    const { text } = await report('list', eventsOf(TYPICAL));
    expect(onScreen(stdout.text)).toBe(text);
  });

  it('is a line now and then where nothing may be written over', async () => {
    const stdout = createScreen();
    const { context, tick } = liveContext(stdout);
    const reporter = await createListReporter('list', context);
    tick();
    for (const event of running) reporter.onEvent(event);
    tick();
    await reporter.finish();
    tick();
    expect(stdout.text).toMatch(/^still running: 6\.1\/512M > smoke \(command, 6s\) and 3 more\n\njobs /);
  });

  it('keeps every line of a failure that is longer than the terminal is high', async () => {
    const stdout = createScreen({ isTTY: true, columns: 60, rows: 5 });
    const { context, tick } = liveContext(stdout);
    const reporter = await createListReporter('line', context);
    const console = Array.from({ length: 15 }, (_, i) => `line ${i}`);
    for (const event of eventsOf({ jobs: [{ cell: 'c', suite: 's', attempts: [{ verdict: 'failed', console }] }] })) {
      reporter.onEvent(event);
      tick();
    }
    await reporter.finish();
    for (const line of console) expect(onScreen(stdout.text)).toContain(`    | ${line}\n`);
  });
});

/** What a terminal that obeys the few sequences of log-update shows in the end, its scrollback included. */
function onScreen(text: string): string {
  const lines = [''];
  let row = 0;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the sequences of terminals.
  for (const [piece, sequence] of text.matchAll(/\x1b\[([?\d;]*[A-Za-z])|\n|[^\x1b\n]+/g)) {
    if (piece === '\n') {
      row += 1;
      if (lines.length <= row) lines.push('');
    } else if (sequence === undefined) lines[row] += piece;
    else if (sequence === '2K' || sequence === 'K') lines[row] = '';
    else if (/^\d*A$/.test(sequence)) row = Math.max(0, row - (Number.parseInt(sequence, 10) || 1));
    else if (/^\d*B$/.test(sequence)) row += Number.parseInt(sequence, 10) || 1;
    else if (sequence === 'J' || sequence === '0J') lines.length = row + 1;
  }
  return `${lines.join('\n').trimEnd()}\n`;
}

describe('small texts', () => {
  it.each([
    [-5, '0ms'],
    [0, '0ms'],
    [999, '999ms'],
    [1000, '1.0s'],
    [59_949, '59.9s'],
    [59_951, '1m 00s'],
    [125_000, '2m 05s'],
    [3_599_600, '1h 00m'],
    [7_320_000, '2h 02m'],
  ])('%d ms are %s', (ms, text) => {
    expect(duration(ms)).toBe(text);
  });

  it('are one line of what can be printed', () => {
    expect(shown('a\tb\u001b[31mc\n::d\u202e##[e]##vso[f]')).toBe('a    bc\\x0a::d\ufffd# #[e]# #vso[f]');
  });
});
