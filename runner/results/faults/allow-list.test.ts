import { describe, expect, it } from 'vitest';
import { judgeFaults, parseAllowList } from './allow-list.js';
import { findFaults } from './detector.js';
import { asPrinted, EXCERPTS } from './testing/excerpts.js';

const NOW = new Date('2026-06-15T23:59:59Z');
const lines = EXCERPTS.find(({ name }) => name === 'KASAN')?.lines ?? '';
const faults = findFaults(`[    1.000000] foo: loading out-of-tree module taints kernel.\n${asPrinted(lines)}`);
const allow = (pattern: string, expires: string) => ({ pattern, reason: 'bug 7', expires });

describe('judgeFaults', () => {
  it('lets nothing pass but notes without a list', () => {
    const judgement = judgeFaults(faults, [], NOW);
    expect(judgement.failing.map(({ type }) => type)).toEqual(['kasan']);
    expect(judgement.notes.map(({ type }) => type)).toEqual(['taint']);
    expect(judgement.expired).toEqual([]);
  });

  it.each(['^KASAN: .* in foo_get$', 'foo_ioctl', 'cache kmalloc-64'])('allows by title or trace: %s', (pattern) => {
    const entry = allow(pattern, '2026-06-15');
    const judgement = judgeFaults(faults, [entry], NOW);
    expect(judgement).toMatchObject({ failing: [], allowed: [{ fault: { type: 'kasan' }, by: entry }], expired: [] });
  });

  it('allows nothing after the last day, and says so', () => {
    const judgement = judgeFaults(faults, [allow('KASAN', '2026-06-14'), allow('other', '2020-01-01')], NOW);
    expect(judgement.failing).toHaveLength(1);
    expect(judgement.expired).toEqual([
      '"KASAN: slab-out-of-bounds Read in foo_get" was allowed until 2026-06-14 (bug 7), and is no longer',
    ]);
  });

  it('does not speak of an expired entry where another allows', () => {
    const judgement = judgeFaults(faults, [allow('KASAN', '2026-06-14'), allow('KASAN', '2026-12-31')], NOW);
    expect(judgement).toMatchObject({ failing: [], expired: [] });
  });
});

describe('parseAllowList', () => {
  it('takes what is complete', () => {
    expect(parseAllowList([allow('x', '2028-02-29')])).toEqual([allow('x', '2028-02-29')]);
  });

  it.each([
    [{}, 'allowed faults: is not a list'],
    [[1], 'allowed fault 1: is not an object'],
    [[{ reason: 'r', expires: '2026-01-01' }], 'allowed fault 1: has no "pattern"'],
    [
      [allow('x', '2026-01-01'), { pattern: 'x', reason: ' ', expires: '2026-01-01' }],
      'allowed fault 2: has no "reason"',
    ],
    [[{ pattern: 'x', reason: 'r' }], 'allowed fault 1: has no "expires"'],
    [[allow('x', '2026-02-30')], 'allowed fault 1: "2026-02-30" is no date; write it like 2026-12-31'],
    [[allow('x', 'soon')], 'allowed fault 1: "soon" is no date; write it like 2026-12-31'],
  ])('refuses %j', (entries, message) => expect(() => parseAllowList(entries)).toThrow(message));

  it('refuses a pattern that is none', () => {
    expect(() => parseAllowList([allow('(', '2026-01-01')])).toThrow(/^allowed fault 1: "\(" is no regular expression/);
  });
});
