import { describe, expect, it } from 'vitest';
import { eventsOf, type RunScript, TYPICAL } from '../testing/run-events.js';
import { planDigest, runEndOf } from './run-end.js';
import { createRunModel, type RunModel } from './run-model.js';
import { exitCodeOfStatus, jobCounts, statusOf } from './status.js';

function modelOf(script: RunScript): RunModel {
  const model = createRunModel();
  for (const event of eventsOf(script)) model.apply(event);
  return model;
}

const one = (verdict: 'passed' | 'flaky' | 'skipped' | 'failed' | 'kernel-panic' | 'infra-error' | 'interrupted') => ({
  cell: 'c',
  suite: verdict,
  attempts: [{ verdict }],
});

describe('the model of a run', () => {
  it('has the state of each job, and counts of last attempts', () => {
    const model = modelOf(TYPICAL);
    const { end } = model;
    expect(model.jobs.size).toBe(7);
    expect(model.running.size).toBe(0);
    expect(model.cases).toMatchObject({
      passed: 7,
      skipped: 1,
      failed: 1,
      'kernel-panic': 1,
      'idle-timeout': 0,
      'not-run': 1,
    });
    expect(end?.cases).toEqual(model.cases);
    expect(jobCounts(model)).toEqual(end?.jobs);
    const flaky = model.jobs.get('6.8/512M > smoke');
    expect(flaky).toMatchObject({
      phase: 'ended',
      attempt: 1,
      earlier: [{ verdict: 'idle-timeout', message: 'no output for 30s' }],
      failures: [],
      end: { verdict: 'flaky' },
    });
    const splat = model.jobs.get('6.8/512M > ktap');
    expect(splat).toMatchObject({ faultCount: 1, guest: { kernelRelease: '6.1.0-56-cloud-amd64' } });
  });

  it('tells what runs, and where it is', () => {
    const model = modelOf({ jobs: [{ cell: 'c', suite: 's', attempts: [{ unfinished: true }] }], end: false });
    expect([...model.running]).toMatchObject([{ phase: 'running', stage: 'command', info: { id: 'c > s' } }]);
  });

  it('keeps few of many failures, and counts all', () => {
    const cases = Array.from({ length: 10_000 }, (_, i) => {
      return { path: [`t${i}`], verdict: 'failed', diagnostics: 'x'.repeat(10_000) } as const;
    });
    const model = modelOf({ jobs: [{ cell: 'c', suite: 's', attempts: [{ verdict: 'failed', cases }] }] });
    const [job] = [...model.jobs.values()];
    expect(job).toMatchObject({ failureCount: 10_000, counts: { failed: 10_000 } });
    expect(job?.failures).toHaveLength(20);
    expect(job?.failures[0]?.diagnostics).toHaveLength(4096);
    if (job !== undefined) model.release(job);
    expect(job).toMatchObject({ failures: [], failureCount: 10_000, end: { verdict: 'failed' } });
  });
});

describe('the end of a run', () => {
  it('is made of the model', () => {
    const model = modelOf({ jobs: [one('passed'), one('flaky'), { cell: 'c', suite: 'never' }], end: false });
    const time = model.time + 10;
    expect(runEndOf(model, { time })).toMatchObject({
      type: 'run-end',
      time,
      status: 'failed',
      jobs: { passed: 1, flaky: 1, 'not-run': 1 },
    });
    expect(runEndOf(model, { time, interrupted: true, message: 'SIGINT' })).toMatchObject({
      status: 'interrupted',
      message: 'SIGINT',
    });
    const all = modelOf({ jobs: [one('flaky')], end: false });
    expect(runEndOf(all, { time: 0 })).toMatchObject({ status: 'passed', durationMs: 0 });
    expect(runEndOf(all, { time, failOnFlaky: true })).toMatchObject({ status: 'failed' });
  });

  it('and its plan have names that shards share', () => {
    expect(planDigest(['a > b', 'c > d'])).toBe(planDigest(['a > b', 'c > d']));
    expect(new Set([planDigest([]), planDigest(['a', 'b']), planDigest(['b', 'a']), planDigest(['ab'])]).size).toBe(4);
  });
});

describe('the status of a run', () => {
  it.each([
    [[], 'passed', 0],
    [[one('passed'), one('flaky'), one('skipped')], 'passed', 0],
    [[one('passed'), one('infra-error')], 'infra-error', 3],
    [[one('infra-error'), { cell: 'c', suite: 'never' }], 'infra-error', 3],
    [[one('passed'), { cell: 'c', suite: 'never' }], 'failed', 1],
    [[one('infra-error'), one('kernel-panic')], 'failed', 1],
    [[one('failed'), one('interrupted')], 'interrupted', 130],
  ] as const)('%#: %j is %s', (jobs, status, code) => {
    const model = modelOf({ jobs });
    expect(statusOf(model)).toBe(status);
    expect(exitCodeOfStatus(statusOf(model))).toBe(code);
  });

  it('is interrupted without an end, and never better than the end says', () => {
    expect(statusOf(modelOf({ jobs: [one('failed')], end: false }))).toBe('interrupted');
    expect(statusOf(modelOf({ jobs: [one('passed')], end: { status: 'failed' } }))).toBe('failed');
    expect(statusOf(modelOf({ jobs: [one('failed')], end: { status: 'passed' } }))).toBe('failed');
    expect(statusOf(modelOf({ jobs: [one('flaky')] }), { failOnFlaky: true })).toBe('failed');
  });
});
