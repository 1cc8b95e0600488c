/** Stock kernels in both forms, and the sizes a guest can have. */
import { open } from 'node:fs/promises';
import { expect, test } from '../fixtures/index.js';
import { createCleanup } from '../runner/cleanup.js';
import { planGuest } from '../runner/machine/plan.js';
import { isEmulated } from './support/cli.js';
import { createGuest } from './support/engine.js';
import { sh } from './support/exec.js';

for (const flavour of ['cloud', 'generic'] as const) {
  test(`Debian's ${flavour} kernel runs a command, unpacked once on the host`, async ({ bootVm }) => {
    const machine = await bootVm({ kernel: flavour });
    const { stdout } = await sh(machine, 'uname -r; cat /proc/cmdline');
    expect(stdout).toMatch(flavour === 'cloud' ? /^6\.1\.0-\d+-cloud-amd64\n/ : /^6\.1\.0-\d+-amd64\n/);
    expect(stdout).toContain('console=ttyS0');
  });

  for (const format of ['ELF', 'bzImage'] as const) {
    test(`Debian's ${flavour} kernel boots as ${format}`, { tag: '@native' }, async () => {
      await using cleanup = createCleanup();
      const { guest: plan } = await planGuest({ kernel: flavour }, cleanup);
      const kernel = (format === 'ELF' ? plan.kernel : plan.labels?.kernel) ?? '';
      const magic = Buffer.alloc(4);
      await using file = await open(kernel);
      await file.read(magic, 0, 4, 0);
      expect(magic.toString('latin1') === '\x7fELF').toBe(format === 'ELF');

      // rdinit ends the guest by itself: there is no agent at this level.
      const append = 'console=ttyS0 panic=-1 rdinit=/bin/busybox -- poweroff -f';
      await using raw = await createGuest({ kernel, initrd: plan.initrd ?? '', memoryMib: 512, cmdline: append });
      await raw.guest.start();
      expect(await raw.guest.ended, raw.console()).toMatchObject({ kind: 'poweroff' });
      expect(raw.console()).toContain('Linux version 6.1.');
    });
  }
}

test('a module that is named is loaded, with what it needs', async ({ bootVm }) => {
  const machine = await bootVm({ kernel: 'generic', load: ['btrfs'] });
  const { stdout } = await sh(machine, 'lsmod; cat /proc/filesystems');
  expect(stdout).toMatch(/^btrfs /m);
  expect(stdout).toMatch(/^raid6_pq /m);
  expect(stdout).toMatch(/^\tbtrfs$/m);
});

for (const cpus of [1, 2, 4]) {
  test(`online and running code: ${cpus} of ${cpus} CPUs`, { tag: cpus > 1 ? '@smp' : [] }, async ({ bootVm }) => {
    const machine = await bootVm({ cpus });
    const { stdout } = await sh(
      machine,
      'nproc; for c in $(seq 0 $(($(nproc) - 1))); do taskset -c $c true && echo ran; done',
    );
    expect(stdout).toBe(`${cpus}\n${'ran\n'.repeat(cpus)}`);
    const { vcpus } = await machine.stats();
    // QEMU counts no exits.
    expect(vcpus).toHaveLength(isEmulated ? 0 : cpus);
  });
}

for (const [memoryMib, least] of [
  [128, 60],
  [5120, 4700],
] as const) {
  test(`${memoryMib} MiB of memory`, async ({ bootVm }) => {
    const machine = await bootVm({ memoryMib });
    const { stdout } = await sh(machine, 'cat /proc/meminfo /proc/iomem');
    const total = Number(/MemTotal:\s+(\d+) kB/.exec(stdout)?.[1]) / 1024;
    expect(total).toBeGreaterThan(least);
    expect(total).toBeLessThanOrEqual(memoryMib);
    // The hole below 4 GiB: what does not fit under it begins at 4 GiB.
    expect(/^100000000-[0-9a-f]+ : System RAM$/m.test(stdout)).toBe(memoryMib > 3072);
  });
}

test('memory above 4 GiB holds what was written', async ({ bootVm }) => {
  const machine = await bootVm({ memoryMib: 5120 });
  // Linux takes the zone above 4 GiB ("Normal") first; its free pages say that it did.
  const { stdout } = await sh(
    machine,
    `free() { awk '/zone +Normal/ { found = 1 } found && /pages free/ { print $3; exit }' /proc/zoneinfo; }
     before=$(free); head -c 64m /dev/urandom > /tmp/noise; after=$(free)
     echo $((before - after)); sha256sum < /tmp/noise; cat /tmp/noise | sha256sum`,
  );
  const [pages, first, second] = stdout.split('\n');
  expect(Number(pages)).toBeGreaterThan(16_000);
  expect(first).toMatch(/^[0-9a-f]{64} /);
  expect(second).toBe(first);
});
