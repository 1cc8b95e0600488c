import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { planJobs } from './jobs.js';
import { makeCell, makeSuite } from './testing/make.js';
import { formatTimings, parseTimings, updateTimings } from './timings.js';

const REMEDY = '; remove it, or write it anew with --update-timings';

describe('the file of timings', () => {
  it('is read as it was written', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.nat()), (times) => {
        const timings = new Map(Object.entries(times));
        const text = formatTimings(timings);
        expect(parseTimings(text)).toEqual(timings);
        expect(formatTimings(parseTimings(text))).toBe(text);
      }),
    );
  });

  it('has one job per line, sorted', () => {
    expect(
      formatTimings(
        new Map([
          ['b', 2],
          ['a', 1],
        ]),
      ),
    ).toBe('{\n  "version": 1,\n  "jobs": {\n    "a": 1,\n    "b": 2\n  }\n}\n');
    expect(formatTimings(new Map())).toBe('{\n  "version": 1,\n  "jobs": {}\n}\n');
  });

  it.each([
    ['', 'vmtest-timings.json: is no JSON ('],
    ['[', 'vmtest-timings.json: is no JSON ('],
    ['null', `vmtest-timings.json: is no object${REMEDY}`],
    ['[]', `vmtest-timings.json: has version none, and this vmtest reads version 1${REMEDY}`],
    ['{"version":2}', `vmtest-timings.json: has version 2, and this vmtest reads version 1${REMEDY}`],
    ['{"version":1}', `vmtest-timings.json: has no "jobs"${REMEDY}`],
    ['{"version":1,"jobs":[1]}', `vmtest-timings.json: has no "jobs"${REMEDY}`],
    [
      '{"version":1,"jobs":{"a":-1}}',
      `vmtest-timings.json: "a" is -1, and not a whole number of milliseconds${REMEDY}`,
    ],
    ['{"version":1,"jobs":{"a":1e999}}', 'vmtest-timings.json: "a" is null, and not a whole number'],
    ['{"version":1,"jobs":{"__proto__":"x"}}', 'vmtest-timings.json: "__proto__" is "x", and not a whole number'],
  ])('refuses %s', (text, message) => expect(() => parseTimings(text)).toThrow(message));

  it('keeps what was not run, forgets what is gone, and rounds', () => {
    const { jobs } = planJobs({
      cells: [makeCell('c')],
      suites: ['x', 'y', 'z'].map((name) => makeSuite(name)),
      repeat: 2,
    });
    const before = new Map([
      ['c > x', 1234],
      ['c > y', 1111],
      ['gone > x', 5],
    ]);
    const measured = new Map([
      ['c > y', 98_765],
      ['c > z', 7.4],
      ['other > x', 3],
    ]);
    expect([...updateTimings(before, measured, jobs)]).toEqual([
      ['c > x', 1234],
      ['c > y', 99_000],
      ['c > z', 7],
    ]);
  });
});
