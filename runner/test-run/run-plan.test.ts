import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { VmtestError } from '../errors.js';
import { groupJobs } from '../plan/groups.js';
import type { Job } from '../plan/plan.js';
import type { CaseEnd, FaultFound, JobEnd, RunEnd, RunEvent } from '../results/events/event.js';
import { type PlanRun, runPlan } from './run-plan.js';
import { createFakeBoot, type FakeBoot, type FakeCommand } from './testing/fake-boot.js';
import { beginOf, cell, job, suite } from './testing/jobs.js';

let output: string;
beforeEach(async () => {
  output = await mkdtemp(join(tmpdir(), 'vmtest-run-'));
});
afterEach(() => rm(output, { recursive: true, force: true }));

interface Outcome {
  events: RunEvent[];
  status: string;
  ends: JobEnd[];
  cases: CaseEnd[];
  faults: FaultFound[];
  end: RunEnd;
}

async function run(jobs: Job[], { boot }: FakeBoot, overrides: Partial<PlanRun> = {}): Promise<Outcome> {
  const events: RunEvent[] = [];
  const status = await runPlan({
    begin: beginOf(jobs),
    groups: groupJobs(jobs),
    boot,
    capacity: { cpus: 4, memory: 100_000 },
    output,
    emit: (event) => events.push(event),
    signal: new AbortController().signal,
    repeatOf: ({ id }) => `vmtest test -g '${id}'`,
    ...overrides,
  });
  const of = <T extends RunEvent['type']>(type: T) =>
    events.filter((event): event is Extract<RunEvent, { type: T }> => event.type === type);
  const [end] = of('run-end');
  if (end === undefined) throw new Error('no end');
  return { events, status, ends: of('job-end'), cases: of('case'), faults: of('fault'), end };
}

const commands = (table: Record<string, FakeCommand>): FakeBoot =>
  createFakeBoot({ command: (line, guest) => table[line]?.(line, guest) ?? 0 });

const never = new Promise<number>(() => {});
const WARNING = [
  '------------[ cut here ]------------',
  'WARNING: CPU: 0 PID: 7 at kernel/foo.c:12 foo+0x10/0x20',
  'Call Trace:',
  ' <TASK>',
  ' foo+0x10/0x20',
  ' bar+0x10/0x20',
  ' </TASK>',
  '---[ end trace 0000000000000000 ]---',
  '',
].join('\n');

describe('verdicts', () => {
  test('passed, and everything that was said', async () => {
    const boot = commands({
      good(_, guest) {
        guest.stdout('hello\n');
        guest.stderr('oh\n');
        guest.console('[    0.1] Linux\n');
        return 0;
      },
    });
    const { status, ends, cases, end } = await run([job('good')], boot);
    expect(status).toBe('passed');
    expect(ends).toMatchObject([{ verdict: 'passed', exitCode: 0, counts: { passed: 1 } }]);
    expect(cases).toMatchObject([{ path: ['good'], verdict: 'passed' }]);
    expect(end).toMatchObject({ jobs: { passed: 1, 'not-run': 0 }, cases: { passed: 1 } });
    const directory = join(output, 'cells/micro/suites/good');
    expect((await readdir(directory)).sort()).toEqual(['console.log', 'console.raw', 'stderr.log', 'stdout.log']);
    expect(await readFile(join(directory, 'stdout.log'), 'utf8')).toBe('hello\n');
    expect(await readFile(join(directory, 'console.log'), 'utf8')).toMatch(/^\[20\d\d-.*Z\] \[ {4}0\.1\] Linux\n$/);
    expect(ends[0]?.attachments.map(({ name }) => name)).toEqual(['console', 'console-raw', 'stdout', 'stderr']);
    expect(boot.alive).toBe(0);
  });

  test('failed, with the way to repeat it', async () => {
    const { status, ends } = await run([job('bad')], commands({ bad: () => 3 }));
    expect(status).toBe('failed');
    expect(ends).toMatchObject([
      { verdict: 'failed', exitCode: 3, repeat: "vmtest test -g 'micro > bad'", message: expect.any(String) },
    ]);
  });

  test('a panic while a case runs: that case has it, the others are not run', async () => {
    const boot = commands({
      tap(_, guest) {
        guest.stdout('TAP version 13\n1..3\nok 1 one\n# Subtest: two\n');
        guest.console('Kernel panic - not syncing: Fatal exception\n');
        setImmediate(() => guest.end({ panicked: true, end: { kind: 'panic' } }));
        return never;
      },
    });
    const { ends, cases } = await run([job(suite('tap', { parse: 'tap' }))], boot);
    expect(ends).toMatchObject([{ verdict: 'kernel-panic', message: expect.stringContaining('Fatal exception') }]);
    expect(cases.map(({ verdict }) => verdict)).toEqual(['passed', 'kernel-panic', 'not-run']);
    expect(ends[0]?.console?.join('\n')).toContain('Kernel panic');
  });

  test('a fault of a living guest fails the case that ran', async () => {
    const boot = commands({
      warns(_, guest) {
        guest.console(WARNING);
        return 0;
      },
    });
    const { ends, cases, faults } = await run([job('warns')], boot);
    expect(ends).toMatchObject([{ verdict: 'kernel-splat', message: expect.stringContaining('WARNING in foo') }]);
    expect(cases).toMatchObject([{ verdict: 'kernel-splat' }]);
    expect(faults).toMatchObject([{ during: ['warns'], fault: { type: 'warning' } }]);
  });

  test('a fault that is allowed, or only to be reported, fails nothing', async () => {
    const boot = commands({
      warns(_, guest) {
        guest.console(WARNING);
        return 0;
      },
    });
    const allowed = suite('warns', { allowedFaults: [{ pattern: 'in foo', reason: 'bug 1', expires: '2999-12-31' }] });
    const reported = { ...suite('warns', { faults: 'report' }), name: 'reported' };
    const { status, faults } = await run([job(allowed), job(reported)], boot);
    expect(status).toBe('passed');
    expect(faults.map((fault) => fault.allowed)).toEqual(['bug 1 (until 2999-12-31)', 'faults are only reported']);
  });

  test('time limits: command, idle, total', async () => {
    const boot = commands({
      hangs: () => never,
      quiet: () => never,
      talks(_, guest) {
        const timer = setInterval(() => guest.stdout('.'), 5);
        void guest.killed.then(() => clearInterval(timer));
        return never;
      },
    });
    const limits = { boot: 1000, command: 60_000 };
    const { ends } = await run(
      [
        job(suite('hangs', { timeouts: { ...limits, command: 30 } })),
        job(suite('quiet', { timeouts: { ...limits, idle: 30 } })),
        job(suite('talks', { timeouts: { ...limits, idle: 5000, total: 60 } })),
      ],
      boot,
    );
    const verdictOf = (name: string) => ends.find((end) => end.job.endsWith(name));
    expect(verdictOf('hangs')).toMatchObject({
      verdict: 'command-timeout',
      message: expect.stringContaining('0.03 s'),
    });
    expect(verdictOf('quiet')).toMatchObject({ verdict: 'idle-timeout' });
    expect(verdictOf('talks')).toMatchObject({ verdict: 'command-timeout', message: expect.stringContaining('suite') });
    expect(boot.alive).toBe(0);
  });

  test('guests that do not come up', async () => {
    const errors: Record<string, unknown> = {
      timeout: new VmtestError('VMTEST_BOOT_TIMEOUT', 'not ready', { context: { console: ['last words'] } }),
      host: new VmtestError('VMTEST_KVM', 'no KVM'),
      bug: new TypeError('x is not a function'),
    };
    const boot = createFakeBoot({ fail: ({ kernel = '' }) => errors[kernel] });
    const jobs = Object.keys(errors).map((kernel) => job('s', { ...cell(kernel), guest: { kernel } }));
    const { ends, status } = await run(jobs, boot);
    expect(ends).toMatchObject([
      { verdict: 'boot-timeout', console: ['last words'] },
      { verdict: 'infra-error', message: 'no KVM' },
      { verdict: 'infra-error', message: expect.stringContaining('a bug in vmtest') },
    ]);
    expect(status).toBe('failed');
    expect((await run(jobs.slice(1), boot)).status).toBe('infra-error');
  });

  test('a setup that fails, a guest that ends', async () => {
    const boot = commands({
      prepare: () => 1,
      off: (_, guest) => {
        guest.end({ panicked: false, end: { kind: 'poweroff' } });
        return never;
      },
    });
    const { ends } = await run([job(suite('a', { setup: ['prepare'] })), job('off')], boot, { workers: 1 });
    expect(ends).toMatchObject([
      { verdict: 'failed', message: 'setup: prepare ended with exit code 1' },
      { verdict: 'guest-exit', message: expect.stringContaining('powered off') },
    ]);
  });
});

describe('expectations and conditions', () => {
  test('known failures, and those that pass by now', async () => {
    const boot = commands({
      tap(_, guest) {
        guest.stdout('TAP version 13\n1..3\nok 1 a\nnot ok 2 b\nok 3 c\n');
        return 1;
      },
    });
    const known = (name: string) => ({ case: name, outcome: 'fail', reason: 'bug 7', expires: '2999-01-01' }) as const;
    const first = suite('tap', { parse: 'tap', expect: [known('b')] });
    const { ends, cases } = await run([job(first)], boot);
    expect(cases.map(({ verdict, expected }) => [verdict, expected])).toEqual([
      ['passed', undefined],
      ['skipped', 'known to fail until 2999-01-01: bug 7'],
      ['passed', undefined],
    ]);
    expect(ends[0]?.verdict).toBe('passed');
    const second = suite('tap', { parse: 'tap', expect: [known('b'), known('c')] });
    const { ends: again } = await run([job(second)], boot);
    expect(again[0]?.verdict).toBe('failed');
    const old = suite('tap', { parse: 'tap', expect: [{ ...known('b'), expires: '2020-01-01' }] });
    const { ends: expired } = await run([job(old)], boot);
    expect(expired[0]).toMatchObject({
      verdict: 'failed',
      warnings: [expect.stringContaining('valid until 2020-01-01')],
    });
  });

  test('skipped without a guest, and after a look at its kernel', async () => {
    const boot = createFakeBoot({ kernelRelease: '5.10.0-9-amd64' });
    const { ends } = await run(
      [
        job(suite('a', { expect: [{ outcome: 'skip', reason: 'not now' }] })),
        job(suite('b', { only: { axes: { image: ['debian*'] } } })),
        job(suite('c', { only: { kernelVersion: '>=6.1' } })),
        job(suite('d', { only: { kernelVersion: '>=5.10 <6' } })),
      ],
      boot,
    );
    const sorted = [...ends].sort((x, y) => (x.job < y.job ? -1 : 1));
    expect(sorted.map(({ verdict, message }) => [verdict, message])).toEqual([
      ['skipped', 'not now'],
      ['skipped', 'only where image is debian*'],
      ['skipped', 'only for kernels >=6.1, and this one is 5.10.0-9-amd64'],
      ['passed', undefined],
    ]);
    expect(boot.booted).toBe(2);
  });
});

describe('what a hostile user found', () => {
  const known = { outcome: 'fail', reason: 'bug 1', expires: '2999-01-01' } as const;

  test('a skip for other kernels skips nothing here', async () => {
    const skip = { outcome: 'skip', reason: 'old', only: { kernelVersion: '<5' } } as const;
    const { ends } = await run([job(suite('good', { expect: [skip] }))], commands({}));
    expect(ends.map(({ verdict }) => verdict)).toEqual(['passed']);
  });

  test('a known failure hides no failure of the host', async () => {
    const boot = createFakeBoot({ fail: () => new VmtestError('VMTEST_IMAGE', 'no image') });
    expect((await run([job(suite('s', { expect: [known] }))], boot)).status).toBe('infra-error');
  });

  test('a signal is no known failure of a case', async () => {
    const boot = commands({
      tap(_, guest) {
        guest.stdout('TAP version 13\n1..2\nnot ok 1 - a\nok 2 - b\n');
        return 139;
      },
    });
    const { ends } = await run([job(suite('tap', { parse: 'tap', expect: [{ ...known, case: 'a' }] }))], boot);
    expect(ends).toMatchObject([{ verdict: 'failed', message: expect.stringContaining('139') }]);
  });

  test('faults before a job that is skipped are told with the next one', async () => {
    const { boot } = commands({});
    const warning: typeof boot = async (options, request) => {
      const machine = await boot(options, request);
      request.onConsole(Buffer.from(WARNING));
      return machine;
    };
    const old = suite('old', { isolate: 'cell', only: { kernelVersion: '<5' } });
    const { ends } = await run([job(old), job(suite('new', { isolate: 'cell' }))], { ...commands({}), boot: warning });
    expect(ends.map(({ verdict }) => verdict)).toEqual(['skipped', 'kernel-splat']);
  });

  test('a guest with a fault that was expected is not given to the next job', async () => {
    const boot = commands({
      warns(_, guest) {
        guest.console(WARNING);
        return 0;
      },
    });
    const first = suite('warns', { isolate: 'cell', expect: [known] });
    const { ends } = await run([job(first), job(suite('next', { isolate: 'cell' }))], boot);
    expect(ends.map(({ verdict }) => verdict)).toEqual(['skipped', 'passed']);
    expect(boot.booted).toBe(2);
  });

  test('what passes against all expectation is not tried until it fails', async () => {
    let tries = 0;
    const boot = commands({ sometimes: () => (++tries === 1 ? 0 : 1) });
    const { status } = await run([job(suite('sometimes', { retries: 3, expect: [known] }))], boot);
    expect([status, tries]).toEqual(['failed', 1]);
  });
});

describe('guests', () => {
  test('a retry has a fresh one, and what passes then is flaky', async () => {
    let tries = 0;
    const boot = commands({ flaky: () => (++tries < 3 ? 1 : 0) });
    const { ends, status } = await run([job(suite('flaky', { retries: 2 }))], boot);
    expect(ends.map(({ verdict, retried }) => [verdict, retried])).toEqual([
      ['failed', true],
      ['failed', true],
      ['flaky', undefined],
    ]);
    expect([status, boot.booted]).toEqual(['passed', 3]);
    tries = 0;
    expect((await run([job(suite('flaky', { retries: 2 }))], boot, { failOnFlaky: true })).status).toBe('failed');
  });

  test('suites share one, until one of them fails', async () => {
    const boot = commands({ bad: () => 1 });
    const shared = ['a', 'b', 'bad', 'c', 'd'].map((name) => job(suite(name, { isolate: 'cell' })));
    const { ends, events } = await run(shared, boot);
    expect(ends.map(({ job: id }) => id.at(-1))).toEqual(['a', 'b', 'd', 'c', 'd']);
    expect(boot.booted).toBe(2);
    const guests = events.filter((event) => event.type === 'guest');
    expect(guests.map(({ shared: again }) => again === true)).toEqual([false, true, true, false, true]);
  });

  test('one that ended after the job that had it is not given to the next', async () => {
    const boot = commands({
      last(_, guest) {
        // When the next one asks, it is gone.
        setImmediate(() => setImmediate(() => guest.end({ panicked: false, end: { kind: 'poweroff' } })));
        return 0;
      },
    });
    const slow = (line: string) => suite(line, { isolate: 'cell', teardown: [] });
    const { ends } = await run([job(slow('last')), job(slow('next'))], boot);
    expect(ends.map(({ verdict }) => verdict)).toEqual(['passed', 'passed']);
  });

  test('a panic in the teardown is one', async () => {
    const boot = commands({
      down(_, guest) {
        guest.console('Kernel panic - not syncing: late\n');
        guest.end({ panicked: true, end: { kind: 'panic' } });
        return never;
      },
    });
    const { ends } = await run([job(suite('good', { teardown: ['down'] }))], boot);
    expect(ends).toMatchObject([
      { verdict: 'kernel-panic', message: expect.stringContaining('after the command: late') },
    ]);
  });

  test('as many at once as there is room for', async () => {
    const later = () => new Promise<number>((resolve) => setTimeout(() => resolve(0), 5));
    const jobs = Array.from({ length: 12 }, (_, i) =>
      job('wait', { ...cell(`c${i}`), guest: { cpus: 2, memoryMib: 100 } }),
    );
    const boot = commands({ wait: later });
    await run(jobs, boot);
    expect(boot.most).toBe(2);
    const few = commands({ wait: later });
    await run(jobs, few, { workers: 5 });
    expect(few.most).toBe(5);
    const small = commands({ wait: later });
    await run(jobs, small, { workers: 5, capacity: { cpus: 4, memory: 400 } });
    expect(small.most).toBe(3);
  });

  test('one that is too large for the machine', async () => {
    const large = job('s', { ...cell(), guest: { memoryMib: 4096 } });
    const { ends, status } = await run([large, job('t')], commands({}), { capacity: { cpus: 1, memory: 1000 } });
    expect(status).toBe('infra-error');
    expect(ends.find((end) => end.job === large.id)?.message).toMatch(/a guest takes 4128 MiB, and there are 1000 MiB/);
  });
});

describe('the end of a run', () => {
  test('interrupted: what runs is ended, what waits is not run, and all of it is told', async () => {
    const controller = new AbortController();
    const boot = commands({ hangs: () => never });
    const jobs = Array.from({ length: 6 }, (_, i) => job('hangs', cell(`c${i}`)));
    const running = run(jobs, boot, { signal: controller.signal });
    while (boot.booted < 4) await new Promise(setImmediate);
    controller.abort(new VmtestError('VMTEST_INTERRUPTED', 'interrupted by SIGINT'));
    const { status, ends, end } = await running;
    expect(status).toBe('interrupted');
    expect(ends.map(({ verdict }) => verdict)).toEqual(Array(4).fill('interrupted'));
    expect(end).toMatchObject({ jobs: { interrupted: 4, 'not-run': 2 }, message: 'interrupted by SIGINT' });
    expect(boot.alive).toBe(0);
  });

  test('after so many failures', async () => {
    const jobs = Array.from({ length: 10 }, (_, i) => job('bad', cell(`c${i}`)));
    const { status, end } = await run(jobs, commands({ bad: () => 1 }), { maxFailures: 2, workers: 1 });
    expect(status).toBe('failed');
    expect(end).toMatchObject({
      jobs: { failed: 2, 'not-run': 8 },
      message: expect.stringContaining('--max-failures'),
    });
  });
});
