/** What is aarch64's own under the native engine: runs in the lab of that architecture (ci/kvm-lab --arch aarch64). */
import { writeFile } from 'node:fs/promises';
import { expect, test } from '../fixtures/index.js';
import { runInGuest, vmtest } from './support/cli.js';
import { sh } from './support/exec.js';
import { tinyKernel } from './support/tiny-kernel.js';

const aarch64 = { tag: '@aarch64' };

for (const flavour of ['cloud', 'generic'] as const) {
  test(`Debian's ${flavour} kernel of arm64 runs a command`, aarch64, async ({ bootVm }) => {
    const machine = await bootVm({ kernel: flavour });
    const { stdout } = await sh(machine, 'uname -rm; cat /proc/cmdline');
    expect(stdout).toMatch(flavour === 'cloud' ? /^6\.1\.0-\d+-cloud-arm64 aarch64\n/ : /^6\.1\.0-\d+-arm64 aarch64\n/);
    expect(stdout).toContain('console=ttyAMA0');
  });
}

test('either UART is the console', aarch64, async ({ bootVm }) => {
  const machine = await bootVm();
  await sh(machine, 'echo from PL011 > /dev/ttyAMA0; echo from 16550 > /dev/ttyS0');
  await expect.poll(() => machine.console.tail(20).join('\n')).toContain('from 16550');
  expect(machine.console.tail(20).join('\n')).toContain('from PL011');
});

test('the clock of the board is the host’s', aarch64, async ({ bootVm }) => {
  const machine = await bootVm();
  const { stdout } = await sh(machine, 'cat /sys/class/rtc/rtc0/name /sys/class/rtc/rtc0/since_epoch');
  expect(stdout).toMatch(/^rtc-pl031 /);
  expect(Math.abs(Number(stdout.split('\n')[1]) - Date.now() / 1000)).toBeLessThan(120);
});

test('a reset is told with its source', aarch64, async () => {
  const result = await runInGuest('reboot -f');
  expect(result).toMatchObject({ code: 122, left: [] });
  expect(result.stderr).toContain('it asked for a reset (psci)');
});

test('the performance monitor is there when it is asked for', aarch64, async ({ bootVm }) => {
  const find = 'ls /sys/bus/event_source/devices | grep pmu || echo none';
  expect((await sh(await bootVm({ pmu: true }), find)).stdout).toBe('armv8_pmuv3\n');
  expect((await sh(await bootVm(), find)).stdout).toBe('none\n');
});

test('what the host has not is refused', aarch64, async () => {
  const sve = await runInGuest('true', ['--sve']);
  expect(sve).toMatchObject({ code: 125, left: [] });
  expect(sve.stderr).toContain("--sve: this host's KVM gives guests no scalable vectors");
  const nested = await runInGuest('true', ['--nested']);
  expect(nested).toMatchObject({ code: 125, left: [] });
  expect(nested.stderr).toContain('--nested: guests of this engine have no virtualization of their own on aarch64');
});

test("another machine's kernel is refused", aarch64, async () => {
  const kernel = test.info().outputPath('vmlinux');
  await writeFile(kernel, tinyKernel([]));
  const result = await vmtest(['run', '--kernel', kernel, '--', 'true']);
  expect(result).toMatchObject({ code: 2, stdout: '', left: [] });
  expect(result.stderr.trimEnd().split('\n')).toHaveLength(1);
  expect(result.stderr).toContain('x86_64');
});

test('a guest’s exits are counted', aarch64, async ({ bootVm }) => {
  const machine = await bootVm();
  const { exits } = await machine.stats();
  expect(exits['mmio']).toBeGreaterThan(0);
  expect(exits['io']).toBe(0);
});
