/** Every way a guest can end, provoked by a kernel of a few bytes, and by Linux where Linux has a way of its own. */
import { writeFile } from 'node:fs/promises';
import { expect, test } from '@playwright/test';
import type { GuestEnd } from '../runner/engine/guest.js';
import { boot } from '../runner/index.js';
import { isEmulated } from './support/cli.js';
import { createGuest, endOf } from './support/engine.js';
import { isRunning } from './support/processes.js';
import { HALT, outByte, tinyKernel } from './support/tiny-kernel.js';

// Ports of native/machine: the ACPI sleep control and reset registers (ACPI 6.5, 4.8.3.6 and 4.8.3.7).
const ACPI_SLEEP_CONTROL = 0x600;
const ACPI_RESET = 0x602;
const SLP_EN_S5 = (1 << 5) | (5 << 2);

const TABLE: readonly { what: string; code: readonly number[]; end: Partial<GuestEnd> }[] = [
  { what: 'ACPI S5', code: outByte(ACPI_SLEEP_CONTROL, SLP_EN_S5), end: { kind: 'poweroff' } },
  { what: 'the ACPI reset register', code: outByte(ACPI_RESET, 1), end: { kind: 'reset', by: 'acpi' } },
  { what: 'the keyboard controller', code: outByte(0x64, 0xfe), end: { kind: 'reset', by: 'i8042' } },
  { what: 'port 0xcf9', code: outByte(0xcf9, 0x06), end: { kind: 'reset', by: 'cf9' } },
  { what: 'pvpanic', code: outByte(0x505, 1), end: { kind: 'panic' } },
  { what: 'the debug-exit port', code: outByte(0xf4, 42), end: { kind: 'debug-exit', code: 42 } },
  { what: 'ud2 without an interrupt table', code: [0x0f, 0x0b], end: { kind: 'triple-fault' } },
  // fld tbyte [0xd0000000]: an x87 load from where no memory is, which KVM's emulator does not know.
  {
    what: 'an instruction KVM cannot emulate',
    code: [0xdb, 0x2d, 0x00, 0x00, 0x00, 0xd0, ...HALT],
    end: { kind: 'kvm-internal-error', suberror: 1 },
  },
];

const native = { tag: '@native' };

for (const { what, code, end } of TABLE) {
  test(`${end.kind}: ${what}`, native, async () => {
    const info = test.info();
    expect(await endOf(code, info)).toMatchObject(end);
  });
}

test('a KVM internal error names the place and the bytes', native, async () => {
  const info = test.info();
  const end = await endOf([0xdb, 0x2d, 0x00, 0x00, 0x00, 0xd0, ...HALT], info);
  expect(end).toMatchObject({ kind: 'kvm-internal-error' });
  if (end.kind !== 'kvm-internal-error') return;
  expect(Number(end.registers['rip'])).toBe(0x100000);
  expect(end.rip_bytes).toMatch(/^db2d000000d0/);
});

test('killed: stop() on a guest that does nothing', native, async () => {
  const info = test.info();
  const kernel = info.outputPath('kernel');
  await writeFile(kernel, tinyKernel(HALT));
  await using raw = await createGuest({ kernel });
  await raw.guest.start();
  await raw.guest.stop();
  expect(await raw.guest.ended).toEqual({ kind: 'killed' });
});

test('engine-lost: the process of the guest is killed', native, async () => {
  const info = test.info();
  const kernel = info.outputPath('kernel');
  await writeFile(kernel, tinyKernel(HALT));
  await using raw = await createGuest({ kernel });
  await raw.guest.start();
  process.kill(raw.guest.pid, 'SIGKILL');
  expect(await raw.guest.ended).toMatchObject({ kind: 'engine-lost' });
  await expect.poll(() => isRunning(raw.guest.pid)).toBe(false);
});

const LINUX_TABLE: readonly { command: string; append?: string; end: Partial<GuestEnd>; panicked?: boolean }[] = [
  { command: 'poweroff -f', end: { kind: 'poweroff' } },
  { command: 'reboot -f', end: { kind: 'reset' } },
  // QEMU resets its machine in either case, and does not tell for what.
  { command: 'reboot -f', append: 'reboot=k', end: isEmulated ? { kind: 'reset' } : { kind: 'reset', by: 'i8042' } },
  { command: 'reboot -f', append: 'reboot=t', end: { kind: isEmulated ? 'reset' : 'triple-fault' } },
  { command: 'echo c > /proc/sysrq-trigger', end: { kind: 'panic' }, panicked: true },
];

for (const { command, append, end, panicked = false } of LINUX_TABLE) {
  test(`Linux: ${command}${append === undefined ? '' : ` with ${append}`} is ${end.kind}`, async () => {
    await using machine = await boot({ append });
    const { result } = machine.exec(['sh', '-c', command]);
    await expect(result).rejects.toThrow();
    expect(await machine.ended).toMatchObject({ end, panicked });
  });
}
