import { describe, expect, it } from 'vitest';
import { editDistance, nearest } from './nearest.js';

describe('editDistance', () => {
  it.each([
    ['', '', 0],
    ['abc', '', 3],
    ['micro', 'mikro', 1],
    ['debian', 'debain', 2],
    ['kitten', 'sitting', 3],
  ])('%s to %s is %i', (a, b, distance) => {
    expect(editDistance(a, b)).toBe(distance);
    expect(editDistance(b, a)).toBe(distance);
  });
});

describe('nearest', () => {
  it('puts the most similar first', () => {
    expect(nearest('mirco', ['debian-12', 'micro', 'debian-12-dev'])[0]).toBe('micro');
    expect(nearest('debian12', ['micro', 'debian-12-dev', 'debian-12'], 2)).toEqual(['debian-12', 'debian-12-dev']);
  });
});
