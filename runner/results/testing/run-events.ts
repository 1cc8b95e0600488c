/** Streams of events as runs write them, from short scripts. */
import type { Attachment, CaseEnd, FaultFound, JobEnd, JobInfo, RunBegin, RunEnd, RunEvent } from '../events/event.js';
import { runEndOf } from '../events/run-end.js';
import { createRunModel } from '../events/run-model.js';
import type { Fault } from '../faults/fault.js';
import { noCounts } from '../suite-result.js';
import { type CaseVerdict, isFailure, type Verdict } from '../verdict.js';

export type CaseScript = Partial<Omit<CaseEnd, 'type' | 'job'>> & { path: readonly string[] };

export interface AttemptScript {
  verdict?: Verdict;
  message?: string;
  cases?: readonly CaseScript[];
  faults?: readonly Partial<FaultFound>[];
  console?: readonly string[];
  attachments?: readonly Attachment[];
  warnings?: readonly string[];
  exitCode?: number;
  /** It goes on, and the run is killed. */
  unfinished?: true;
  /** The guest never answered. */
  noGuest?: true;
}

export interface JobScript {
  cell: string;
  suite: string;
  id?: string;
  axes?: Record<string, string>;
  /** None: the job is never run. */
  attempts?: readonly AttemptScript[];
}

export interface RunScript {
  jobs: readonly JobScript[];
  begin?: Partial<RunBegin>;
  /** `false`: the run was killed. */
  end?: Partial<RunEnd> | false;
}

/** 2026-01-02T03:04:05Z */
export const BEGIN = Date.UTC(2026, 0, 2, 3, 4, 5);
const STEP = 250;

export const jobId = ({ id, cell, suite }: JobScript): string => id ?? `${cell} > ${suite}`;

/** Each event comes a quarter of a second after the one before. */
export function eventsOf(script: RunScript): RunEvent[] {
  const events: RunEvent[] = [];
  const model = createRunModel();
  let time = BEGIN - STEP;
  const add = (event: RunEvent): void => {
    events.push(event);
    model.apply(event);
  };
  const now = (): number => {
    time += STEP;
    return time;
  };
  const infos = script.jobs.map((job): JobInfo => {
    return { id: jobId(job), cell: job.cell, suite: job.suite, axes: job.axes ?? {} };
  });
  add({
    type: 'run-begin',
    time: now(),
    version: 1,
    id: 'run-1',
    vmtest: '0.1.0',
    argv: ['-j', '2'],
    hostname: 'builder',
    jobs: infos,
    ...script.begin,
  });
  for (const job of script.jobs) {
    const attempts = job.attempts ?? [];
    for (const [attempt, each] of attempts.entries()) {
      addAttempt(add, now, jobId(job), attempt, each, attempt < attempts.length - 1);
    }
  }
  if (script.end !== false) add({ ...runEndOf(model, { time: now() }), ...script.end });
  return events;
}

function addAttempt(
  add: (event: RunEvent) => void,
  now: () => number,
  job: string,
  attempt: number,
  script: AttemptScript,
  retried: boolean,
): void {
  const of = { job, attempt };
  const begun = now();
  add({ type: 'job-begin', time: begun, ...of });
  add({ type: 'stage', time: now(), ...of, stage: 'boot' });
  if (script.noGuest === undefined) {
    add({
      type: 'guest',
      time: now(),
      ...of,
      engine: 'native',
      arch: 'x86_64',
      kernelRelease: '6.1.0-56-cloud-amd64',
      image: { name: 'micro', digest: 'ab'.repeat(32) },
      bootMs: 700,
    });
    add({ type: 'stage', time: now(), ...of, stage: 'command' });
  }
  const counts = noCounts();
  for (const each of script.cases ?? []) {
    const verdict: CaseVerdict = each.verdict ?? 'passed';
    counts[verdict] += 1;
    add({ type: 'case', time: now(), ...of, durationMs: 12.5, ...each, verdict });
  }
  for (const fault of script.faults ?? []) add({ type: 'fault', time: now(), ...of, fault: KASAN, ...fault });
  if (script.unfinished) return;
  const verdict = script.verdict ?? 'passed';
  const end: JobEnd = {
    type: 'job-end',
    time: now(),
    ...of,
    verdict,
    durationMs: 0,
    counts,
    repeat: `vmtest --project ${JSON.stringify(job)}`,
    attachments: script.attachments ?? [],
    ...(script.message === undefined ? {} : { message: script.message }),
    ...(script.console === undefined || !isFailure(verdict) ? {} : { console: script.console }),
    ...(script.warnings === undefined ? {} : { warnings: script.warnings }),
    ...(script.exitCode === undefined ? {} : { exitCode: script.exitCode }),
    ...(retried ? { retried: true } : {}),
  };
  add({ ...end, durationMs: end.time - begun });
}

export const KASAN: Fault = {
  type: 'kasan',
  title: 'KASAN: slab-out-of-bounds Write in foo_write',
  severity: 'fault',
  text: 'BUG: KASAN: slab-out-of-bounds in foo_write+0x1a/0x40 [foo]',
  line: 412,
  trace: ['BUG: KASAN: slab-out-of-bounds in foo_write+0x1a/0x40 [foo]', 'Call Trace:', ' foo_write+0x1a/0x40 [foo]'],
  frames: [
    { function: 'foo_write', offset: 0x1a, size: 0x40, module: 'foo', exact: true },
    {
      function: 'vfs_write',
      offset: 0x1b2,
      size: 0x4c0,
      source: [{ function: 'vfs_write', file: 'fs/read_write.c', line: 582 }],
    },
    { function: 'ksys_write', offset: 0x5f, size: 0xf0 },
    { function: 'do_syscall_64', offset: 0x3b, size: 0x90 },
    { function: 'entry_SYSCALL_64_after_hwframe', offset: 0x6e, size: 0xd8 },
    { function: 'last_frame', offset: 0, size: 1 },
  ],
  fingerprint: '0123456789abcdef',
};

/** Two kernels, three suites: one of each thing that reporters must get right. */
export const TYPICAL: RunScript = {
  jobs: [
    {
      cell: '6.1/512M',
      suite: 'smoke',
      axes: { kernel: '6.1', memory: '512M' },
      attempts: [
        {
          cases: [{ path: ['smoke', 'boots'] }, { path: ['smoke', 'mounts'], verdict: 'skipped', message: 'no disk' }],
        },
      ],
    },
    {
      cell: '6.1/512M',
      suite: 'ktap',
      axes: { kernel: '6.1', memory: '512M' },
      attempts: [
        {
          verdict: 'failed',
          message: '1 of 3 tests did not pass',
          exitCode: 1,
          cases: [
            { path: ['list', 'adds'] },
            {
              path: ['list', 'removes'],
              verdict: 'failed',
              message: 'expected 1, got 2',
              diagnostics: 'EXPECTATION FAILED at lib/list-test.c:42\nExpected 1 == list_count(&list)',
              location: { file: 'lib/list-test.c', line: 42 },
            },
            { path: ['list', 'sorts'] },
          ],
          console: ['[    1.000000] list: loaded', '[    1.500000] list: done'],
          attachments: [
            { name: 'console', path: 'jobs/6.1-512M/ktap/0/console.log' },
            { name: 'stdout', path: 'jobs/6.1-512M/ktap/0/stdout.log', truncated: true },
          ],
        },
      ],
    },
    {
      cell: '6.8/512M',
      suite: 'smoke',
      axes: { kernel: '6.8', memory: '512M' },
      attempts: [
        {
          verdict: 'idle-timeout',
          message: 'no output for 30s',
          cases: [{ path: ['smoke', 'boots'], verdict: 'idle-timeout', message: 'no output for 30s' }],
        },
        { verdict: 'flaky', message: 'passed when tried again', cases: [{ path: ['smoke', 'boots'] }] },
      ],
    },
    {
      cell: '6.8/512M',
      suite: 'ktap',
      axes: { kernel: '6.8', memory: '512M' },
      attempts: [
        {
          verdict: 'kernel-splat',
          message: 'KASAN: slab-out-of-bounds Write in foo_write',
          cases: [{ path: ['list', 'adds'] }, { path: ['list', 'removes'] }],
          faults: [{ during: ['list', 'removes'] }],
          console: ['[    2.000000] BUG: KASAN: slab-out-of-bounds in foo_write+0x1a/0x40 [foo]'],
        },
      ],
    },
    {
      cell: '6.8/512M',
      suite: 'panics',
      axes: { kernel: '6.8', memory: '512M' },
      attempts: [
        {
          verdict: 'kernel-panic',
          message: 'Kernel panic - not syncing: sysrq triggered crash',
          cases: [
            { path: ['a'] },
            { path: ['b'], verdict: 'kernel-panic', message: 'Kernel panic - not syncing: sysrq triggered crash' },
            { path: ['c'], verdict: 'not-run' },
          ],
        },
      ],
    },
    {
      cell: '6.8/512M',
      suite: 'no-image',
      axes: { kernel: '6.8', memory: '512M' },
      attempts: [{ verdict: 'infra-error', message: 'image debian-12 cannot be fetched', noGuest: true }],
    },
    { cell: '6.8/512M', suite: 'never', axes: { kernel: '6.8', memory: '512M' } },
  ],
};
