import { describe, expect, it } from 'vitest';
import { planJobs } from './jobs.js';
import { requireJobs, type Selection, selectJobs } from './select.js';
import { makeCell, makeSuite } from './testing/make.js';

const cells = ['cloud/512M', 'cloud/4G', 'generic/4G'].map((name) => makeCell(name));
const { jobs } = planJobs({ cells, suites: [makeSuite('boot'), makeSuite('net (v6)')] });
const select = (selection: Selection) => selectJobs(jobs, cells, selection).map(({ id }) => id);

describe('selectJobs', () => {
  it.each<[string, Selection, string[]]>([
    ['a part of a name, in any case', { filters: ['GENERIC'] }, ['generic/4G > boot', 'generic/4G > net (v6)']],
    ['signs of regular expressions', { filters: ['(v6)'], projects: ['cloud/4G'] }, ['cloud/4G > net (v6)']],
    ['what is no regular expression', { filters: ['net (', '*'], projects: ['cloud/4G'] }, ['cloud/4G > net (v6)']],
    ['a regular expression', { filters: ['^cloud/\\d+m > boot$'] }, ['cloud/512M > boot']],
    ['one of several', { filters: ['512M > b', 'generic.*b'] }, ['cloud/512M > boot', 'generic/4G > boot']],
    ['grep', { grep: 'cloud.*BOOT' }, ['cloud/512M > boot', 'cloud/4G > boot']],
    ['grep with flags, g too', { grep: '/4G > b/g' }, ['cloud/4G > boot', 'generic/4G > boot']],
    ['grep that minds the case', { grep: '/BOOT/' }, []],
    ['both greps', { grep: 'cloud', grepInvert: 'net|512' }, ['cloud/4G > boot']],
    ['projects', { projects: ['*/512M', 'gen*'], grep: 'boot' }, ['cloud/512M > boot', 'generic/4G > boot']],
    [
      'what failed, and is still there',
      { lastFailed: new Set(['gone > boot', 'cloud/4G > boot']) },
      ['cloud/4G > boot'],
    ],
  ])('takes %s', (_, selection, expected) => expect(select(selection)).toEqual(expected));

  it.each<[Selection, string]>([
    [{ projects: ['clod/4G'] }, '--project: no cell is called "clod/4G"; did you mean cloud/4G?'],
    [{ projects: ['*x*'] }, '--project: no cell is called "*x*"'],
    [{ grep: '(' }, '--grep: "(" is no regular expression: '],
    [{ grepInvert: '/a/k' }, '--grep-invert: "/a/k" is no regular expression: '],
  ])('refuses %j', (selection, message) => expect(() => select(selection)).toThrow(message));
});

describe('requireJobs', () => {
  it.each<[Selection, string]>([
    [{ lastFailed: new Set() }, '--last-failed: nothing failed in the last run'],
    [
      { filters: ['nfs'], grep: 'a', projects: ['cloud/*'] },
      'none of 6 jobs fits "nfs" --grep "a" --project "cloud/*"; see them all with `vmtest test --list`',
    ],
  ])('says what fits nothing: %j', (selection, message) => {
    expect(() => requireJobs([], jobs, selection)).toThrow(message);
    expect(() => requireJobs(jobs, jobs, selection)).not.toThrow();
  });
});
