import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Inclusion } from './inclusions.js';
import { labelMatcher } from './labels.js';
import { expandMatrix } from './matrix.js';
import { makeAxes, makeMatrix } from './testing/make.js';

const names = (more: Parameters<typeof makeMatrix>[0]) => expandMatrix(makeMatrix(more)).map(({ name }) => name);
const TWO_BY_TWO = makeAxes({ kernel: ['old', 'new'], memory: ['512M', '4G'] });

const inclusion = (labels: Record<string, string>, guest: Inclusion['guest'] = {}): Inclusion => ({
  values: new Map(Object.entries(labels).map(([axis, label]) => [axis, { label, guest: {} }])),
  guest,
});

describe('expandMatrix', () => {
  it('is the product of the axes, the last one fastest', () => {
    expect(names({ axes: TWO_BY_TWO })).toEqual(['old/512M', 'old/4G', 'new/512M', 'new/4G']);
  });

  it('is one cell with the name of the image where there is no axis', () => {
    expect(expandMatrix(makeMatrix({}))).toEqual([{ name: 'micro', axes: {}, guest: {} }]);
    expect(names({ base: { image: 'debian-12@sha256:00' } })).toEqual(['debian-12']);
  });

  it('puts the built-in axes first', () => {
    const axes = makeAxes({ mine: ['a'], memory: ['1G'], kernel: ['k'] });
    expect(expandMatrix(makeMatrix({ axes }))[0]).toEqual({
      name: 'k/1G/a',
      axes: { kernel: 'k', memory: '1G', mine: 'a' },
      guest: {},
    });
  });

  it('makes a guest of the base, the axes, include and overrides, in this order', () => {
    const axes = [
      { name: 'kernel', values: [{ label: 'k', guest: { kernel: '/k', append: 'a', cpus: 2 } }] },
      { name: 'debug', values: [{ label: 'on', guest: { append: 'b', cpus: 3 } }] },
    ];
    const [cell] = expandMatrix(
      makeMatrix({
        base: { append: 'base', cpus: 1, memoryMib: 256 },
        axes,
        include: [inclusion({ kernel: 'k' }, { append: 'c', cpus: 4 })],
        overrides: [
          { match: { kernel: ['other'] }, guest: { cpus: 9 } },
          { match: { debug: ['o*'] }, guest: { append: 'd', cpus: 5 } },
        ],
      }),
    );
    expect(cell?.guest).toEqual({ kernel: '/k', append: 'base a b c d', cpus: 5, memoryMib: 256 });
  });

  it('takes out what fits every label of an entry', () => {
    expect(names({ axes: TWO_BY_TWO, exclude: [{ kernel: ['o*'], memory: ['4G'] }] })).toEqual([
      'old/512M',
      'new/512M',
      'new/4G',
    ]);
  });

  it('says what removed every cell', () => {
    const exclude = [{ kernel: ['old'] }, { kernel: ['none'] }, { memory: ['*'] }];
    expect(() => names({ axes: TWO_BY_TWO, exclude })).toThrow(
      'exclude: no cell is left of 4: exclude[0] removed 2, exclude[2] removed 2',
    );
  });

  it('refuses a product without end before it makes it', () => {
    const labels = Array.from({ length: 1000 }, (_, index) => `${index}`);
    expect(() => names({ axes: makeAxes({ a: labels, b: labels, c: labels }) })).toThrow(
      'the axes make 1000000000 cells, more than 100000',
    );
  });

  it('refuses two cells of one name, and names both', () => {
    const include = [inclusion({ kernel: 'k', x: 'y' }), inclusion({ kernel: 'k', z: 'y' })];
    expect(() => names({ axes: TWO_BY_TWO, include })).toThrow(
      'two cells are called k/y: that of include[0] (kernel=k x=y) and that of include[1] (kernel=k z=y)',
    );
  });
});

describe('include', () => {
  it('adds options and labels to the points that it does not contradict', () => {
    const cells = expandMatrix(
      makeMatrix({
        axes: TWO_BY_TWO,
        include: [inclusion({ kernel: 'new', speed: 'slow' }, { append: 'debug' }), inclusion({}, { cpus: 2 })],
      }),
    );
    expect(cells.map(({ name, guest }) => [name, guest])).toEqual([
      ['old/512M', { cpus: 2 }],
      ['old/4G', { cpus: 2 }],
      ['new/512M/slow', { append: 'debug', cpus: 2 }],
      ['new/4G/slow', { append: 'debug', cpus: 2 }],
    ]);
  });

  it('makes a point of its own out of what fits none, and later entries leave that alone', () => {
    const include = [inclusion({ kernel: 'next' }), inclusion({ kernel: 'next', memory: '4G' })];
    expect(names({ axes: TWO_BY_TWO, include }).slice(4)).toEqual(['next', 'next/4G']);
  });

  it('brings back what was excluded', () => {
    const exclude = [{ kernel: ['old'] }];
    expect(names({ axes: TWO_BY_TWO, exclude, include: [inclusion({ kernel: 'old', memory: '4G' })] })).toEqual([
      'new/512M',
      'new/4G',
      'old/4G',
    ]);
  });

  it('replaces what an earlier entry added, and nothing of the product', () => {
    const include = [inclusion({ speed: 'slow' }), inclusion({ kernel: 'old', speed: 'fast' })];
    expect(names({ axes: makeAxes({ kernel: ['old', 'new'] }), include })).toEqual(['old/fast', 'new/slow']);
  });

  it('goes entry by entry, and a label that is replaced takes its options along', () => {
    const cells = expandMatrix(
      makeMatrix({
        axes: makeAxes({ kernel: ['old', 'new'], disk: ['ext4', 'xfs'] }),
        include: [
          inclusion({ log: 'calm' }, { append: 'calm' }),
          inclusion({ log: 'loud', disk: 'ext4' }, { append: 'loud' }),
          inclusion({ kernel: 'old', size: 'big' }, { cpus: 8 }),
          inclusion({ kernel: 'next' }),
          inclusion({ kernel: 'next', disk: 'ext4' }),
        ],
      }),
    );
    expect(cells.map(({ name, guest }) => [name, guest])).toEqual([
      ['old/ext4/loud/big', { append: 'loud', cpus: 8 }],
      ['old/xfs/calm/big', { append: 'calm', cpus: 8 }],
      ['new/ext4/loud', { append: 'loud' }],
      ['new/xfs/calm', { append: 'calm' }],
      ['next', {}],
      ['next/ext4', {}],
    ]);
  });

  it('is all of the matrix where there are no axes', () => {
    expect(names({ include: [inclusion({ variant: 'a' }), inclusion({ variant: 'b' })] })).toEqual(['a', 'b']);
  });
});

describe('any matrix', () => {
  const labels = fc.uniqueArray(fc.constantFrom('a', 'b', 'c', 'd'), { minLength: 1 });
  const axes = fc.dictionary(fc.constantFrom('kernel', 'memory', 'x', 'y'), labels, { minKeys: 1 }).map(makeAxes);
  const patterns = fc.array(
    fc.dictionary(fc.constantFrom('kernel', 'x'), fc.array(fc.constantFrom('a', 'b', '*'), { maxLength: 2 }), {
      minKeys: 1,
    }),
  );

  it('has each combination once that nothing excludes', () => {
    fc.assert(
      fc.property(axes, patterns, (all, exclude) => {
        const total = all.reduce((count, { values }) => count * values.length, 1);
        const everything = expandMatrix(makeMatrix({ axes: all }));
        expect(new Set(everything.map(({ name }) => name)).size).toBe(total);
        const left = everything.filter((cell) => !exclude.some((pattern) => labelMatcher(pattern)(cell.axes)));
        if (left.length === 0)
          expect(() => expandMatrix(makeMatrix({ axes: all, exclude }))).toThrow('no cell is left');
        else expect(expandMatrix(makeMatrix({ axes: all, exclude }))).toEqual(left);
      }),
    );
  });
});
