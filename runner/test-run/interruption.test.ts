/** Runs that are interrupted at any moment: every order of what happens, and nothing lost or left. */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { VmtestError } from '../errors.js';
import { groupJobs } from '../plan/groups.js';
import type { Job } from '../plan/plan.js';
import type { RunEvent } from '../results/events/event.js';
import { totalOf } from '../results/suite-result.js';
import type { Boot } from './boot.js';
import { runPlan } from './run-plan.js';
import { createFakeBoot } from './testing/fake-boot.js';
import { beginOf, cell, job, suite } from './testing/jobs.js';

let output: string;
beforeAll(async () => {
  output = await mkdtemp(join(tmpdir(), 'vmtest-interrupt-'));
});
afterAll(() => rm(output, { recursive: true, force: true }));

interface Case {
  jobs: Job[];
  workers: number;
  maxFailures: number;
}

const cases: fc.Arbitrary<Case> = fc.record({
  jobs: fc
    .array(
      fc.record({
        cell: fc.constantFrom('a', 'b', 'c'),
        run: fc.constantFrom('good', 'bad', 'setup', 'gone', 'unbootable'),
        retries: fc.nat(2),
        isolate: fc.constantFrom('guest', 'cell'),
        total: fc.boolean(),
      }),
      { minLength: 1, maxLength: 8 },
    )
    .map((jobs) =>
      jobs.map(({ cell: name, run, retries, isolate, total }, index) =>
        job(
          suite(`${run}${index}`, {
            run,
            retries,
            isolate: isolate as 'guest' | 'cell',
            ...(run === 'setup' ? { setup: ['bad'], teardown: ['good'] } : {}),
            ...(total ? { timeouts: { boot: 60_000, command: 60_000, total: 60_000 } } : {}),
          }),
          { ...cell(name), guest: run === 'unbootable' ? { image: 'none' } : {} },
        ),
      ),
    ),
  workers: fc.integer({ min: 1, max: 3 }),
  maxFailures: fc.integer({ min: 1, max: 9 }),
});

/** What must hold of the events of any run. */
function checkEvents(events: readonly RunEvent[], jobs: readonly Job[]): void {
  const open = new Map<string, number>();
  const last = new Map<string, RunEvent & { type: 'job-end' }>();
  for (const event of events) {
    if (event.type === 'job-begin') {
      expect(open.has(event.job)).toBe(false);
      expect(event.attempt).toBe((last.get(event.job)?.attempt ?? -1) + 1);
      open.set(event.job, event.attempt);
    } else if (event.type === 'job-end') {
      expect(open.get(event.job)).toBe(event.attempt);
      open.delete(event.job);
      last.set(event.job, event);
    } else if (event.type === 'case' || event.type === 'stage' || event.type === 'guest') {
      expect(open.get(event.job)).toBe(event.attempt);
    }
  }
  expect([...open]).toEqual([]);
  const end = events.at(-1);
  if (end?.type !== 'run-end') throw new Error('the last event is no end');
  expect(totalOf(end.jobs)).toBe(jobs.length);
  expect(end.jobs['not-run']).toBe(jobs.length - [...last.values()].filter(({ retried }) => !retried).length);
}

test('whenever it is interrupted, every attempt has an end, and no guest is left', async () => {
  await fc.assert(
    fc.asyncProperty(cases, fc.scheduler(), fc.nat(60), async ({ jobs, workers, maxFailures }, scheduler, steps) => {
      const controller = new AbortController();
      const fake = createFakeBoot({
        command: (line, guest) => {
          if (line === 'gone') guest.end({ panicked: true, end: { kind: 'panic' } });
          return scheduler.schedule(Promise.resolve(line === 'bad' ? 1 : 0), line);
        },
        fail: ({ image }) => (image === 'none' ? new VmtestError('VMTEST_IMAGE', 'there is none') : undefined),
      });
      const boot: Boot = async (options, request) => {
        await scheduler.schedule(Promise.resolve(), 'images');
        request.signal.throwIfAborted();
        return fake.boot(options, request);
      };
      const events: RunEvent[] = [];
      const run = runPlan({
        begin: beginOf(jobs),
        groups: groupJobs(jobs),
        boot,
        capacity: { cpus: 9, memory: 100_000 },
        workers,
        output,
        emit: (event) => events.push(event),
        signal: controller.signal,
        maxFailures,
        repeatOf: ({ id }) => id,
      });
      const interrupt = (async () => {
        for (let step = 0; step < steps; step += 1) await scheduler.schedule(Promise.resolve(), 'wait');
        controller.abort(new VmtestError('VMTEST_INTERRUPTED', 'enough'));
      })();
      await scheduler.waitFor(Promise.all([run, interrupt]));
      checkEvents(events, jobs);
      expect(fake.alive).toBe(0);
    }),
    { numRuns: 150 },
  );
});
