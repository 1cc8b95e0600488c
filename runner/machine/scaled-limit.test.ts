import { expect, it } from 'vitest';
import { scaledLimit } from './scaled-limit.js';

it('is what was configured for a guest as fast as its host, and says so where it is more', () => {
  expect(scaledLimit(1500, 1)).toEqual({ ms: 1500, text: '1.5 s' });
  expect(scaledLimit(500, 5.4)).toEqual({ ms: 2700, text: '2.7 s (0.5 s, times 5.4 for a slower guest)' });
});
