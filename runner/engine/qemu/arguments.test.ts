import { describe, expect, it } from 'vitest';
import type { GuestSpec } from '../guest.js';
import { qemuArguments } from './arguments.js';

const spec: GuestSpec = {
  arch: 'x86_64',
  cpus: 2,
  memoryMib: 256,
  kernel: '/k',
  initrd: '/i',
  cmdline: 'console=ttyS0 a="b,c"',
  disks: [],
  mounts: [],
  nested: false,
};
const files = { qmp: 3, console: 4, vsock: 5, kernel: 6, initrd: 7, disks: [8, 9, 10], mounts: [11, 12] };
const argumentsOf = (changes: Partial<GuestSpec>, tscKhz?: number) =>
  qemuArguments({ ...spec, ...changes }, { files, tscKhz });
const valuesOf = (args: readonly string[], option: string) =>
  args.flatMap((arg, i) => (arg === option ? [args[i + 1] as string] : []));

describe('qemuArguments', () => {
  it('names every part, and leaves nothing to defaults or files', () => {
    const args = argumentsOf({});
    expect(args).toEqual(expect.arrayContaining(['-nodefaults', '-no-user-config', '-no-reboot', '-S']));
    expect(valuesOf(args, '-smp')).toEqual(['2']);
    expect(valuesOf(args, '-object')[0]).toBe('memory-backend-memfd,id=memory,size=256M,share=on,seal=on');
    expect(valuesOf(args, '-sandbox')[0]).toMatch(/^on,/);
    expect(valuesOf(args, '-kernel')).toEqual(['/dev/fd/6']);
    expect(valuesOf(args, '-initrd')).toEqual(['/dev/fd/7']);
    expect(args.join(' ')).not.toMatch(/netdev|tcp|unix:|vhost-vsock|guest-cid/);
  });

  it('tells an x86 guest how fast its time stamp counter runs', () => {
    expect(valuesOf(argumentsOf({}, 2_300_000), '-append')).toEqual(['tsc_early_khz=2300000 console=ttyS0 a="b,c"']);
    expect(valuesOf(argumentsOf({ arch: 'aarch64' }, 2_300_000), '-append')).toEqual(['console=ttyS0 a="b,c"']);
  });

  it('refuses what would be too long with it', () => {
    const cmdline = 'a'.repeat(2030);
    expect(valuesOf(argumentsOf({ cmdline }), '-append')).toEqual([cmdline]);
    expect(() => argumentsOf({ cmdline }, 2_300_000)).toThrow(expect.objectContaining({ code: 'VMTEST_BAD_INPUT' }));
  });

  it('gives each disk its mode, its serial and the next transport', () => {
    const args = argumentsOf({
      disks: [
        { path: '/a', mode: 'ro', serial: 'a,b' },
        { path: '/b', mode: 'rw' },
        { path: '/c', mode: 'overlay' },
      ],
    });
    expect(valuesOf(args, '-add-fd')).toEqual(['fd=8,set=1', 'fd=9,set=2', 'fd=10,set=3']);
    const drives = valuesOf(args, '-drive');
    expect(drives.map((drive) => drive.includes('readonly=on'))).toEqual([true, false, false]);
    expect(drives.map((drive) => drive.includes('snapshot=on'))).toEqual([false, false, true]);
    const devices = valuesOf(args, '-device').filter((device) => device.startsWith('virtio-blk'));
    expect(devices[0]).toContain('serial=a,,b');
    expect(new Set(valuesOf(args, '-device').map((device) => /bus=(.*)$/.exec(device)?.[1])).size).toBeGreaterThan(5);
  });

  it('serves each directory by its descriptor, behind the disks', () => {
    const args = argumentsOf({
      disks: [{ path: '/a', mode: 'ro' }],
      mounts: [
        { host: '/with,comma', guest: '/a', mode: 'ro' },
        { host: '/b', guest: '/b', mode: 'rw' },
      ],
    });
    expect(valuesOf(args, '-fsdev')).toEqual([
      'local,id=vmtest0,path=/dev/fd/11,security_model=none,multidevs=remap,readonly=on',
      'local,id=vmtest1,path=/dev/fd/12,security_model=none,multidevs=remap',
    ]);
    const devices = valuesOf(args, '-device');
    expect(devices).toContain('virtio-9p-device,fsdev=vmtest0,mount_tag=vmtest0,bus=virtio-mmio-bus.20');
    expect(devices).toContain('virtio-9p-device,fsdev=vmtest1,mount_tag=vmtest1,bus=virtio-mmio-bus.19');
  });

  it('shows virtualization only where it is wanted', () => {
    expect(valuesOf(argumentsOf({}), '-cpu')).toEqual(['max,-erms,-fsrm,-svm']);
    expect(valuesOf(argumentsOf({ nested: true }), '-cpu')).toEqual([
      'max,-erms,-fsrm,+svm,+npt,-xsave,-avx,-avx2,-f16c,-fma,-la57',
    ]);
    expect(valuesOf(argumentsOf({ arch: 'aarch64' }), '-machine')[0]).not.toContain('virtualization=on');
    expect(valuesOf(argumentsOf({ arch: 'aarch64', sve: true }), '-cpu')).toEqual(['max,pauth-impdef=on']);
    expect(valuesOf(argumentsOf({ arch: 'aarch64', nested: true }), '-machine')[0]).toContain('virtualization=on');
  });

  it('takes another model of the CPU', () => {
    const args = qemuArguments({ ...spec, arch: 'aarch64' }, { files, cpu: 'cortex-a72' });
    expect(valuesOf(args, '-cpu')).toEqual(['cortex-a72']);
  });

  it('starts the clock where it is told to', () => {
    expect(valuesOf(argumentsOf({}), '-rtc')).toEqual(['base=utc,clock=host']);
    expect(valuesOf(argumentsOf({ rtcBase: 86_400 }), '-rtc')).toEqual(['base=1970-01-02T00:00:00,clock=host']);
  });
});
