import { describe, expect, it } from 'vitest';
import { parseOptions } from './options.mjs';

describe('parseOptions', () => {
  it('has a limit of 12 minutes', () => expect(parseOptions([])).toEqual({ onlyPath: false, timeout: 720_000 }));
  it('reads what is given', () => {
    expect(parseOptions(['--path', '--timeout', '90s'])).toEqual({ onlyPath: true, timeout: 90_000 });
    expect(parseOptions(['--help', '--nonsense'])).toBe('help');
  });
  it.each([['--timeout'], ['--timeout', '0s'], ['--timeout', '5'], ['modules']])('refuses %s %s', (...argv) =>
    expect(() => parseOptions(argv)).toThrow(/--timeout|unknown argument/),
  );
});
