import { describe, expect, it } from 'vitest';
import { parseCount, parseDuration, parseSize } from './units.js';

describe('parseSize', () => {
  it.each([
    ['0', 0],
    ['512', 512],
    ['512M', 512 * 2 ** 20],
    ['512m', 512 * 2 ** 20],
    ['2G', 2 ** 31],
    ['2GiB', 2 ** 31],
    ['2GB', 2 ** 31],
    ['1.5G', 1.5 * 2 ** 30],
    ['64 K', 65536],
  ])('%s', (text, bytes) => expect(parseSize('--memory', text)).toBe(bytes));

  it.each(['', 'G', '-1G', '1X', '1GG', '1e3', '0x10', '1,5G', '12 34', '9999999999T', 'NaN', '0.3'])(
    'refuses "%s"',
    (text) => expect(() => parseSize('--memory', text)).toThrow(/^--memory: /),
  );
});

describe('parseDuration', () => {
  it.each([
    ['500ms', 500],
    ['30s', 30_000],
    ['30', 30_000],
    ['2m', 120_000],
    ['1h', 3_600_000],
    ['0.5s', 500],
  ])('%s', (text, ms) => expect(parseDuration('--timeout', text)).toBe(ms));

  it.each(['', '0', '0s', '-1s', '1d', '30 sec', '1e9h', '25000h', 'soon', '0.1ms'])('refuses "%s"', (text) =>
    expect(() => parseDuration('--timeout', text)).toThrow(/^--timeout: /),
  );
});

describe('parseCount', () => {
  it('takes both ends of the range', () => {
    expect(parseCount('--cpus', '1', 1, 32)).toBe(1);
    expect(parseCount('--cpus', '32', 1, 32)).toBe(32);
  });
  it.each(['0', '33', '', '-1', '1.5', '2x', ' 2'])('refuses "%s"', (text) =>
    expect(() => parseCount('--cpus', text, 1, 32)).toThrow(`--cpus: "${text}" is not a number from 1 to 32`),
  );
});
