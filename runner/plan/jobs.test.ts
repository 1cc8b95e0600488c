import { describe, expect, it } from 'vitest';
import { guestProblem } from './check-guest.js';
import { planJobs } from './jobs.js';
import { makeCell, makeSuite } from './testing/make.js';

const CELLS = [makeCell('a', { kernel: 'a' }), makeCell('b', { kernel: 'b' })];
const ids = (input: Parameters<typeof planJobs>[0]) => planJobs(input).jobs.map(({ id }) => id);

describe('planJobs', () => {
  it('goes by cells, then suites, then repetitions', () => {
    expect(ids({ cells: CELLS, suites: [makeSuite('x'), makeSuite('y')], repeat: 2 })).toEqual([
      'a > x',
      'a > x #2',
      'a > y',
      'a > y #2',
      'b > x',
      'b > x #2',
      'b > y',
      'b > y #2',
    ]);
  });

  it('leaves out what only.axes does not allow, and keeps only.kernelVersion for the guest', () => {
    const suites = [
      makeSuite('x', { only: { axes: { kernel: ['b*'] } } }),
      makeSuite('y', { only: { kernelVersion: '>=6.1' } }),
      makeSuite('z', { only: { axes: { none: ['*'] } } }),
    ];
    expect(ids({ cells: CELLS, suites })).toEqual(['a > y', 'b > x', 'b > y']);
    expect(() => ids({ cells: CELLS, suites: suites.slice(2) })).toThrow(
      'suites: "only" keeps every suite out of every cell',
    );
  });

  it('lays overrides over the suites of cells that fit, then those of the command line', () => {
    const fault = (pattern: string) => ({ pattern, reason: 'r', expires: '2030-01-01' });
    const suites = [makeSuite('x', { env: { A: '1', B: '1' }, allowedFaults: [fault('one')], retries: 1 })];
    const { jobs } = planJobs({
      cells: CELLS,
      suites,
      overrides: [
        {
          match: { kernel: ['b'] },
          suite: { timeouts: { command: 5 }, env: { B: '2' }, allowedFaults: [fault('two')] },
        },
        { match: {}, suite: { retries: 2, timeouts: { idle: 7 } } },
      ],
      force: { retries: 3 },
    });
    expect(jobs.map(({ suite }) => suite)).toEqual([
      makeSuite('x', {
        env: { A: '1', B: '1' },
        allowedFaults: [fault('one')],
        retries: 3,
        timeouts: { boot: 120_000, command: 600_000, idle: 7 },
      }),
      makeSuite('x', {
        env: { A: '1', B: '2' },
        allowedFaults: [fault('one'), fault('two')],
        retries: 3,
        timeouts: { boot: 120_000, command: 5, idle: 7 },
      }),
    ]);
  });

  it('shares the suites of cells that are treated alike, as there may be thousands', () => {
    const cells = Array.from({ length: 5000 }, (_, index) => makeCell(`c${index}`, { kernel: index % 2 ? 'a' : 'b' }));
    const overrides = [{ match: { kernel: ['a'] }, suite: { retries: 1 } }];
    const { jobs } = planJobs({ cells, suites: [makeSuite('x')], overrides });
    expect(jobs.length).toBe(5000);
    expect(new Set(jobs.map(({ suite }) => suite)).size).toBe(2);
  });

  it('refuses more jobs than anybody means', () => {
    expect(() => ids({ cells: CELLS, suites: [makeSuite('x')], repeat: 1_000_000 })).toThrow(
      '2000000 jobs are more than 1000000',
    );
  });
});

describe('guestProblem', () => {
  const disks = Array.from({ length: 16 }, (_, index) => ({ path: `/${index}`, mode: 'ro' as const }));
  const root = { path: '/r', writable: false };
  it.each([
    [{}, undefined],
    [{ image: 'a', initrd: '/i' }, 'initrd goes with kernel and not with image, which has one'],
    [{ init: '/sbin/init' }, 'init needs root or image, whose init it names'],
    [{ init: '/sbin/init', root }, undefined],
    [{ init: '/sbin/init', mounts: [{ host: '/h', guest: '/', mode: 'ro' as const }] }, undefined],
    [
      { root, mounts: [{ host: '/h', guest: '/', mode: 'ro' as const }] },
      'there are two roots: root, and a mount on /',
    ],
    [{ disks }, undefined],
    [{ disks, root }, '16 disks are more than the 15 that a guest can have beside a root'],
  ])('%j', (guest, problem) => expect(guestProblem(guest)).toBe(problem));
});
