import { describe, expect, it } from 'vitest';
import { VmtestError } from '../errors.js';
import { exitCodeOf } from './exit-code-of.js';
import { errorLines } from './report.js';

describe('errorLines', () => {
  it('is one line, then the console', () => {
    expect(errorLines(new VmtestError('X', 'it\n  failed'))).toBe('vmtest: it failed\n');
    const context = { console: ['one', 'two'] };
    expect(errorLines(new VmtestError('X', 'it failed', { context }))).toBe(
      "vmtest: it failed\nvmtest: the last lines of the guest's console:\n  | one\n  | two\n",
    );
    expect(errorLines(new VmtestError('X', 'no', { context: { console: [] } }))).toBe('vmtest: no\n');
  });

  it('prints lines that are to be copied as they are', () => {
    const context = { lines: ['CONFIG_A=y', 'CONFIG_B=y'] };
    const error = new VmtestError('X', 'add these lines:', { context });
    expect(errorLines(error)).toBe('vmtest: add these lines:\nCONFIG_A=y\nCONFIG_B=y\n');
  });

  it('owns up to our own mistakes', () => {
    expect(errorLines(new TypeError('undefined is not a function'))).toMatch(/^vmtest: a bug in vmtest: TypeError/);
  });
});

describe('exitCodeOf', () => {
  it.each([
    ['VMTEST_USAGE', 2],
    ['VMTEST_BAD_INPUT', 2],
    ['VMTEST_SPLAT', 119],
    ['VMTEST_GUEST_PANIC', 120],
    ['VMTEST_BOOT_TIMEOUT', 121],
    ['VMTEST_GUEST_ENDED', 122],
    ['VMTEST_COMMAND_TIMEOUT', 124],
    ['VMTEST_NO_KVM', 125],
    ['VMTEST_ENGINE', 125],
    ['CONTROL_PROTOCOL', 125],
    ['VMTEST_COMMAND_NOT_STARTED', 126],
    ['VMTEST_COMMAND_NOT_FOUND', 127],
    ['VMTEST_INTERRUPTED', 130],
    ['VMTEST_OUTPUT_CLOSED', 141],
  ])('%s is %i', (code, exit) => expect(exitCodeOf(new VmtestError(code, ''))).toBe(exit));

  it('is 125 for what is no error of ours', () => expect(exitCodeOf(new Error('x'))).toBe(125));
});
