import { describe, expect, it } from 'vitest';
import type { GuestEnd } from '../engine/guest.js';
import { kernelCommandLine } from './command-line.js';
import { createConsoleLog } from './console-log.js';
import { bootTimeoutError, describeEnd, guestEndError } from './describe-end.js';

describe('describeEnd', () => {
  it.each<[GuestEnd, string]>([
    [{ kind: 'poweroff' }, 'it powered off'],
    [{ kind: 'reset', by: 'acpi' }, 'it asked for a reset (acpi)'],
    [{ kind: 'debug-exit', code: 3 }, 'it wrote 3 to the debug-exit port'],
    [
      { kind: 'kvm-internal-error', suberror: 1, data: [], registers: { rip: '0x10' }, rip_bytes: 'db2d' },
      'KVM internal error, suberror 1: KVM gave up on an instruction at rip 0x10 (db2d)',
    ],
    [{ kind: 'host-error', code: 'io', message: 'disk full' }, 'vmtest-vmm could not go on: disk full (io)'],
  ])('%o', (end, text) => expect(describeEnd(end)).toBe(text));
});

describe('guestEndError', () => {
  const console = createConsoleLog();
  console.write(Buffer.from('[ 1.0] something\n[ 1.1] Kernel panic - not syncing: no init\n'));

  it('carries the end and the console', () => {
    const error = guestEndError({ panicked: true, end: { kind: 'panic' } }, console, 'before it was ready');
    expect(error.code).toBe('VMTEST_GUEST_PANIC');
    expect(error.message).toBe("the guest's kernel panicked before it was ready: no init");
    expect(error.context).toEqual({ end: { kind: 'panic' }, console: console.tail(2) });
  });

  it('shows where a panic began, however long its trace', () => {
    const long = createConsoleLog();
    const write = (line: string) => long.write(Buffer.from(`${line}\n`));
    for (let i = 0; i < 50; i += 1) write(`before ${i}`);
    write('Kernel panic - not syncing: sysrq');
    for (let i = 0; i < 60; i += 1) write(`trace ${i}`);
    const lines = guestEndError({ panicked: true, end: { kind: 'panic' } }, long, '').context['console'] as string[];
    expect(lines[0]).toBe('before 40');
    expect(lines[10]).toBe('Kernel panic - not syncing: sysrq');
    expect(lines.at(-1)).toBe('trace 59');
  });

  it('tells the guest from the host', () => {
    const codeOf = (end: GuestEnd) => guestEndError({ panicked: false, end }, console, 'early').code;
    expect(codeOf({ kind: 'poweroff' })).toBe('VMTEST_GUEST_ENDED');
    expect(codeOf({ kind: 'triple-fault' })).toBe('VMTEST_GUEST_ENDED');
    expect(codeOf({ kind: 'engine-lost', process: 'vmtest-vmm', message: 'm' })).toBe('VMTEST_ENGINE');
    expect(codeOf({ kind: 'host-error', code: 'io', message: 'm' })).toBe('VMTEST_ENGINE');
  });
});

describe('bootTimeoutError', () => {
  it('says when the console was silent', () => {
    expect(bootTimeoutError('1.5 s', createConsoleLog()).message).toBe(
      'the guest was not ready within 1.5 s and wrote nothing to its console',
    );
  });
});

describe('kernelCommandLine', () => {
  it("puts the user's arguments last, and starts the agent in a foreign initrd", () => {
    expect(kernelCommandLine({ arch: 'x86_64', ownInitrd: false })).toMatch(/^console=ttyS0 .*panic=-1/);
    expect(kernelCommandLine({ arch: 'x86_64', ownInitrd: false })).not.toContain('rdinit');
    expect(kernelCommandLine({ arch: 'x86_64', ownInitrd: true, append: 'a=b c' })).toMatch(
      / rdinit=\/vmtest\/agent a=b c$/,
    );
  });
});
