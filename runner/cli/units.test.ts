import { describe, expect, it } from 'vitest';
import { parseCount, parseDuration, parseShard, parseSize, parseWorkers } from './units.js';

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

describe('parseWorkers', () => {
  it.each([
    ['auto', 'auto'],
    ['4', { count: 4 }],
    ['50%', { percent: 50 }],
  ])('%s', (text, workers) => expect(parseWorkers('-j', text)).toEqual(workers));

  it.each(['', '0', '0%', '-1', '1.5', '50 %', '99999', 'all', '1001%'])('refuses "%s"', (text) =>
    expect(() => parseWorkers('-j', text)).toThrow(`-j: "${text}" is neither a number from 1 to 10000 nor a share`),
  );
});

describe('parseShard', () => {
  it('counts from 1', () => {
    expect(parseShard('--shard', '1/1')).toEqual({ index: 1, count: 1 });
    expect(parseShard('--shard', '3/7')).toEqual({ index: 3, count: 7 });
  });
  it.each([
    ['0/2', '--shard: there is no shard 0/2; they are 1/2 to 2/2'],
    ['3/2', '--shard: there is no shard 3/2; they are 1/2 to 2/2'],
    ['1/0', '--shard: 1/0 is not one of 1 to 1000 shards'],
    ['1/1001', '--shard: 1/1001 is not one of 1 to 1000 shards'],
    ['1', '--shard: "1" is not a shard; write 1/3 for the first of three'],
    ['-1/2', '--shard: "-1/2" is not a shard; write 1/3 for the first of three'],
    ['1 / 2', '--shard: "1 / 2" is not a shard; write 1/3 for the first of three'],
  ])('refuses %s', (text, message) => expect(() => parseShard('--shard', text)).toThrow(message));
});
