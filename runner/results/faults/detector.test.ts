import { describe, expect, it } from 'vitest';
import { createFaultDetector, findFaults } from './detector.js';
import { MAX_TRACE_LINES } from './report.js';
import { asPrinted, EXCERPTS } from './testing/excerpts.js';

const titles = (log: string | Uint8Array): string[] => findFaults(log).map(({ title }) => title);
const excerpt = (name: string): string => EXCERPTS.find((entry) => entry.name === name)?.lines ?? '';

describe('every kind of report', () => {
  for (const { name, type, title, lines, frames, taint, panic } of EXCERPTS) {
    it(`${name}: ${title}`, () => {
      const [fault, ...others] = findFaults(asPrinted(lines));
      expect(others.map((other) => other.title)).toEqual([]);
      expect(fault).toMatchObject({ type, title, severity: 'fault' });
      expect(fault?.panic).toBe(panic);
      if (frames !== undefined) expect(fault?.frames.map((frame) => frame.function)).toEqual(frames);
      if (taint !== undefined) expect(fault?.taint).toBe(taint);
      const untimed = findFaults(lines);
      expect(untimed.map((one) => [one.title, one.fingerprint])).toEqual([[title, fault?.fingerprint]]);
    });
  }
});

describe('a report', () => {
  const warning = asPrinted(excerpt('WARN(), x86'));

  it('has its first line, its number, its whole trace and its frames', () => {
    const [fault] = findFaults(`SeaBIOS\n${warning}[   20.000000] other\n`);
    expect(fault?.line).toBe(4);
    expect(fault?.text).toBe('WARNING: CPU: 0 PID: 77 at fs/foo.c:12 foo_warn+0x1a/0x20 [fs]');
    expect(fault?.trace).toEqual(excerpt('WARN(), x86').split('\n'));
    expect(fault?.frames).toEqual([
      { function: 'foo_warn', offset: 0x1a, size: 0x20, exact: true },
      { function: 'foo_ioctl', offset: 0x12, size: 0x34 },
    ]);
  });

  it.each([
    ['<4>[   12.500000] ', ''],
    ['[   12.500000][  T123] ', ''],
    ['[    T1] ', ''],
    ['Jan  2 03:04:05 host kernel: [   12.500000] ', ''],
    ['2026-01-02T03:04:05.123456+00:00 host kernel: ', ''],
    ['kern  :warn  : [   12.500000] ', ''],
    ['[Mon Jan  2 03:04:05 2026] ', ''],
    ['\x1b[33m[   12.500000] ', '\x1b[0m\r'],
  ])('is known behind %j', (before, after) => {
    const log = excerpt('WARN(), x86').replace(/^/gm, before).replace(/$/gm, after);
    expect(titles(log)).toEqual(['WARNING in foo_warn']);
    expect(findFaults(log)[0]?.frames).toHaveLength(2);
  });

  it('has the same fingerprint whatever the addresses, offsets, times, tasks and build ids', () => {
    const again = warning
      .replace(/\+0x1a\/0x20/g, '+0x3c/0x50')
      .replace(/\b12\.5/g, '99.5')
      .replace(/PID: \d+/g, 'PID: 4242')
      .replace(/\[fs\]/g, '[fs 0123456789abcdef0123456789abcdef01234567]');
    expect(findFaults(again)[0]?.fingerprint).toBe(findFaults(warning)[0]?.fingerprint);
    const other = warning.replace(/foo_ioctl/g, 'foo_mmap');
    expect(findFaults(other)[0]?.fingerprint).not.toBe(findFaults(warning)[0]?.fingerprint);
  });

  it('contains what the kernel reports while it prints it', () => {
    const lines = excerpt('NULL dereference, x86').replace(
      'Call Trace:',
      'BUG: scheduling while atomic: test/77/0x00000002\nCall Trace:',
    );
    expect(titles(asPrinted(lines))).toEqual(['BUG: unable to handle kernel NULL pointer dereference in foo_write']);
  });

  it('is told from the next one where the console has no traces', () => {
    const header = 'BUG: kernel NULL pointer dereference, address: 0000000000000008\n#PF: error_code(0x0002)\n';
    expect(titles(asPrinted(header) + asPrinted(header, 13))).toHaveLength(2);
  });

  it('has the same fingerprint whichever side of a data race comes first', () => {
    const race = excerpt('KCSAN');
    const turned = race.replace('write to', 'wrote to').replace(' foo_set+', ' foo_got+');
    expect(findFaults(turned)[0]?.fingerprint).toBe(findFaults(race)[0]?.fingerprint);
  });

  it('is not the cause of every panic that follows', () => {
    const panic = excerpt('panic');
    const log = asPrinted(excerpt('WARN(), x86')) + asPrinted(panic, 13);
    expect(titles(log)).toEqual(['WARNING in foo_warn', 'kernel panic: sysrq triggered crash']);
    const cut = asPrinted(excerpt('WARN(), x86').split('\n').slice(0, 4).join('\n')) + asPrinted(panic, 13);
    expect(titles(cut)).toEqual(['WARNING in foo_warn', 'kernel panic: sysrq triggered crash']);
  });

  it('is followed by the next, whatever ends it', () => {
    const log = EXCERPTS.map(({ lines }, index) => asPrinted(lines, 100 + index)).join('');
    expect(titles(log)).toEqual(EXCERPTS.map(({ title }) => title));
  });

  it('has no more lines than it may', () => {
    const log = asPrinted(`${excerpt('WARN(), x86').replace(/\n---.*/s, '')}\n${' x\n'.repeat(5000)}`);
    expect(findFaults(log)[0]?.trace).toHaveLength(MAX_TRACE_LINES);
  });

  it('is given as far as it has come', () => {
    const faults: string[] = [];
    const begun: string[] = [];
    const detector = createFaultDetector({
      onFault: ({ title }) => faults.push(title),
      onBegin: (line) => begun.push(line),
    });
    detector.line('[    1.000000] watchdog: BUG: soft lockup - CPU#0 stuck for 22s! [test:77]');
    expect(begun).toHaveLength(1);
    expect(detector.open().map(({ title }) => title)).toEqual(['BUG: soft lockup']);
    detector.line('[    1.000100] RIP: 0010:foo_spin+0x1/0x2');
    expect(detector.open().map(({ title }) => title)).toEqual(['BUG: soft lockup in foo_spin']);
    expect(faults).toEqual([]);
    detector.line('[   20.000000] eth0: link up');
    expect(faults).toEqual(['BUG: soft lockup in foo_spin']);
    expect(detector.open()).toEqual([]);
  });
});

describe('several CPUs', () => {
  const lines = (name: string, caller: string) => asPrinted(excerpt(name), 12.5, caller).split('\r\n').filter(Boolean);
  const interleave = (one: string[], other: string[]): string =>
    Array.from({ length: Math.max(one.length, other.length) }, (_, index) => [one[index], other[index]])
      .flat()
      .filter((line) => line !== undefined)
      .join('\n');

  it('are told apart by the caller', () => {
    const log = interleave(lines('WARN(), x86', 'T77'), lines('KASAN', 'T78'));
    const faults = findFaults(log);
    expect(faults.map(({ title }) => title).sort()).toEqual([
      'KASAN: slab-out-of-bounds Read in foo_get',
      'WARNING in foo_warn',
    ]);
    const warning = faults.find(({ type }) => type === 'warning');
    expect(warning?.trace).toEqual(excerpt('WARN(), x86').split('\n'));
  });

  it('do not lose the first fault where the caller is not known', () => {
    const log = interleave(lines('WARN(), x86', 'T7'), lines('KASAN', 'T7'));
    expect(titles(log)[0]).toBe('KASAN: slab-out-of-bounds Read in foo_get');
  });

  it('answer to the CPU that asks for all backtraces', () => {
    const stall = lines('RCU stall', 'C0').join('\n');
    const other = ['NMI backtrace for cpu 1', 'CPU: 1 PID: 0 Comm: swapper/1', 'RIP: 0010:native_safe_halt+0x1/0x2'];
    const log = `${stall}\n${asPrinted(other.join('\n'), 12.6, 'C1')}`;
    const [fault, ...more] = findFaults(log);
    expect(more).toEqual([]);
    expect(fault?.trace).toContain('NMI backtrace for cpu 1');
  });
});

describe('a console that is not only the kernel’s', () => {
  it('has lines of others, which are no faults once there are timestamps', () => {
    const log = `[    0.000000] Linux version 6.1.0\nWARNING: CPU: 0 PID: 1 at a.c:1 foo+0x1/0x2\nBUG: of mine\n  [    0.1] not\n`;
    expect(titles(log)).toEqual([]);
  });

  it('has a line that the kernel cut into', () => {
    const log = `[    1.000000] up\nlogin: [    2.000000] BUG: Bad rss-counter state mm:00000000ab type:MM_ANONPAGES val:1\n`;
    expect(titles(log)).toEqual(['BUG: Bad rss-counter state']);
    const quoted =
      '[    5.000000] up\nold log: [    2.000000] BUG: Bad rss-counter state mm:0 type:MM_ANONPAGES val:1\n';
    expect(titles(quoted)).toEqual([]);
  });

  it('goes on within a report without being a part of it', () => {
    const [fault] = findFaults(asPrinted(excerpt('WARN(), x86')).replace(/^.*Call Trace/m, 'my test says hello\n$&'));
    expect(fault?.trace).toEqual(excerpt('WARN(), x86').split('\n'));
  });

  it('may come from a kernel that has no timestamps, after one that had', () => {
    const log = `[    1.000000] a kernel with timestamps\nLinux version 6.1.0\n${excerpt('WARN(), x86')}\n`;
    expect(titles(log)).toEqual(['WARNING in foo_warn']);
  });
});

describe('notes', () => {
  it.each([
    ['foo: loading out-of-tree module taints kernel.', 'taint', 'taint: module foo'],
    ['Memory cgroup out of memory: Killed process 77 (tail) total-vm:40000kB', 'cgroup-oom', 'cgroup OOM: killed tail'],
    ['sh: page allocation failure: order:4, mode:0x40dc0(GFP_KERNEL)', 'allocation-failure', 'page allocation failure'],
  ])('%s', (line, type, title) => {
    expect(findFaults(`[    1.000000] ${line}\n`)).toMatchObject([{ type, title, severity: 'note' }]);
  });
});
