import { describe, expect, it } from 'vitest';
import { endOf, lastLine, type QemuTraces } from './end.js';

const traces: QemuTraces = {
  panicked: false,
  killed: false,
  exit: { code: 0, signal: undefined },
  stderr: '',
  memoryMib: 512,
};
const end = (changes: Partial<QemuTraces>) => endOf({ ...traces, ...changes });

describe('endOf', () => {
  it('is what QEMU said of the guest', () => {
    expect(end({ shutdown: 'guest-shutdown' })).toEqual({ kind: 'poweroff' });
    expect(end({ shutdown: 'guest-reset' })).toEqual({ kind: 'reset' });
    expect(end({ shutdown: 'guest-panic' })).toEqual({ kind: 'panic' });
  });

  it('is a panic where a reset follows one', () => {
    expect(end({ shutdown: 'guest-reset', panicked: true })).toEqual({ kind: 'panic' });
  });

  it('is ours when we killed it, unless the guest was faster', () => {
    const exit = { code: undefined, signal: 'SIGKILL' };
    expect(end({ killed: true, exit })).toEqual({ kind: 'killed' });
    expect(end({ killed: true, exit, shutdown: 'guest-shutdown' })).toEqual({ kind: 'poweroff' });
  });

  it('is a code that the guest wrote to the debug-exit port', () => {
    expect(end({ exit: { code: 85, signal: undefined } })).toEqual({ kind: 'debug-exit', code: 42 });
  });

  it('is a loss otherwise, and says what to look at', () => {
    const lost = (changes: Partial<QemuTraces>) => {
      const found = end(changes);
      if (found.kind !== 'engine-lost') throw new Error(found.kind);
      expect(found.process).toBe('QEMU');
      return found.message;
    };
    expect(lost({ exit: { code: undefined, signal: 'SIGKILL' } })).toMatch(
      /the kernel did for want of memory.*512 MiB/,
    );
    expect(lost({ exit: { code: undefined, signal: 'SIGSYS' } })).toMatch(/seccomp profile/);
    expect(lost({ exit: { code: undefined, signal: 'SIGSEGV' } })).toBe('it was ended by SIGSEGV');
    expect(lost({ exit: { code: 1, signal: undefined }, stderr: 'qemu-system-x86_64: no room\n' })).toBe(
      'it ended with exit code 1: no room',
    );
  });
});

describe('lastLine', () => {
  it('leaves the name of QEMU out', () => {
    expect(lastLine('a\nqemu-system-aarch64: -device x: bad\n')).toBe('-device x: bad');
    expect(lastLine('')).toBe('');
  });
});
