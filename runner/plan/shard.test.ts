import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { groupJobs } from './groups.js';
import { planJobs } from './jobs.js';
import { orderJobs } from './order.js';
import type { Job } from './plan.js';
import { shardJobs } from './shard.js';
import { makeCell, makeSuite } from './testing/make.js';
import { type Timings, timingKey } from './timings.js';

const NOTHING: Timings = new Map();

function makeJobs(cells: number, isolate: readonly ('guest' | 'cell')[], repeat = 1): readonly Job[] {
  return planJobs({
    cells: Array.from({ length: cells }, (_, index) => makeCell(`c${index}`)),
    suites: isolate.map((kind, index) => makeSuite(`s${index}`, { isolate: kind })),
    repeat,
  }).jobs;
}

const jobsAndTimings = fc
  .tuple(
    fc.integer({ min: 1, max: 8 }),
    fc.array(fc.constantFrom('guest' as const, 'cell' as const), { minLength: 1, maxLength: 6 }),
    fc.integer({ min: 1, max: 3 }),
  )
  .chain(([cells, isolate, repeat]) => {
    const jobs = makeJobs(cells, isolate, repeat);
    const timings = fc
      .dictionary(fc.constantFrom(...jobs.map(timingKey)), fc.nat(100_000))
      .map((times): Timings => new Map(Object.entries(times)));
    return fc.record({ jobs: fc.constant(jobs), timings });
  });

const allShards = (jobs: readonly Job[], count: number, timings: Timings) =>
  Array.from({ length: count }, (_, index) => shardJobs(jobs, { index: index + 1, count }, timings));

describe('shardJobs', () => {
  it('puts each job in exactly one shard, in the order of the plan', () => {
    fc.assert(
      fc.property(jobsAndTimings, fc.integer({ min: 1, max: 12 }), ({ jobs, timings }, count) => {
        const shards = allShards(jobs, count, timings);
        expect(new Set(shards.flat())).toEqual(new Set(jobs));
        expect(shards.flat().length).toBe(jobs.length);
        for (const shard of shards) expect(shard).toEqual(jobs.filter((job) => shard.includes(job)));
      }),
    );
  });

  it('never parts jobs that share a guest', () => {
    fc.assert(
      fc.property(jobsAndTimings, fc.integer({ min: 1, max: 12 }), ({ jobs, timings }, count) => {
        const whole = new Set(groupJobs(jobs).map((group) => group.map(({ id }) => id).join()));
        for (const shard of allShards(jobs, count, timings)) {
          for (const group of groupJobs(shard)) expect(whole).toContain(group.map(({ id }) => id).join());
        }
      }),
    );
  });

  it('is balanced: no shard has more than the ideal and one group', () => {
    fc.assert(
      fc.property(jobsAndTimings, fc.integer({ min: 1, max: 12 }), ({ jobs }, count) => {
        const timings = new Map(jobs.map((job, index) => [timingKey(job), (index * 7919) % 1000]));
        const load = (part: readonly Job[]) => part.reduce((sum, job) => sum + (timings.get(timingKey(job)) ?? 0), 0);
        const longest = Math.max(...groupJobs(jobs).map(load));
        for (const shard of allShards(jobs, count, timings)) {
          expect(load(shard)).toBeLessThanOrEqual(load(jobs) / count + longest);
        }
      }),
    );
  });

  it('goes by count where nothing is recorded', () => {
    const jobs = makeJobs(10, ['guest']);
    expect(allShards(jobs, 3, NOTHING).map((shard) => shard.length)).toEqual([4, 3, 3]);
    const instant = new Map(jobs.map((job) => [timingKey(job), 0]));
    expect(allShards(jobs, 3, instant).map((shard) => shard.length)).toEqual([4, 3, 3]);
  });

  it('takes the time that a suite usually needs for what was never run', () => {
    const jobs = makeJobs(4, ['guest', 'guest']);
    const timings = new Map([
      ['c0 > s0', 1000],
      ['c0 > s1', 10],
      ['c1 > s0', 900],
    ]);
    const shards = allShards(jobs, 2, timings).map((shard) => shard.map(({ id }) => id));
    expect(shards[0]).toEqual(['c0 > s0', 'c3 > s0']);
    expect(shards[1]?.length).toBe(6);
  });
});

describe('orderJobs', () => {
  it('is the order of the plan where nothing is recorded', () => {
    const jobs = makeJobs(3, ['guest', 'guest']);
    expect(orderJobs(jobs, NOTHING).flat()).toEqual(jobs);
    expect(orderJobs(jobs, new Map([['gone', 5]])).flat()).toEqual(jobs);
  });

  it('begins with the longest, and keeps what shares a guest together and in order', () => {
    const jobs = makeJobs(2, ['cell', 'guest', 'cell']);
    const timings = new Map([
      ['c0 > s0', 10],
      ['c0 > s1', 25],
      ['c0 > s2', 10],
      ['c1 > s0', 1],
      ['c1 > s1', 30],
      ['c1 > s2', 70],
    ]);
    expect(orderJobs(jobs, timings).map((group) => group.map(({ id }) => id))).toEqual([
      ['c1 > s0', 'c1 > s2'],
      ['c1 > s1'],
      ['c0 > s1'],
      ['c0 > s0', 'c0 > s2'],
    ]);
  });

  it('gives each repetition a guest of its own', () => {
    const jobs = makeJobs(1, ['cell', 'cell'], 2);
    expect(orderJobs(jobs, NOTHING).map((group) => group.map(({ id }) => id))).toEqual([
      ['c0 > s0', 'c0 > s1'],
      ['c0 > s0 #2', 'c0 > s1 #2'],
    ]);
  });

  it('loses no job and adds none', () => {
    fc.assert(
      fc.property(jobsAndTimings, ({ jobs, timings }) => {
        const ordered = orderJobs(jobs, timings).flat();
        expect(ordered.length).toBe(jobs.length);
        expect(new Set(ordered)).toEqual(new Set(jobs));
      }),
    );
  });
});
