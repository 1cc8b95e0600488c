/** What a guest needs of its kernel's configuration. Pure data. */
import type { Architecture } from './architecture.js';

/** What a guest may have that not every guest has. */
export type Feature =
  | 'disks'
  | 'ext4'
  | 'squashfs'
  | 'erofs'
  | 'overlay'
  // How the user's initial RAM file system is compressed.
  | 'gzip'
  | 'bzip2'
  | 'lzma'
  | 'xz'
  | 'lzo'
  | 'lz4'
  | 'zstd';

export const TOPICS = [
  'what everything else hangs on',
  'the devices and how they are found',
  'the connection to the host',
  'the console',
  'the first user space',
  'disks and file systems',
  'compressed initial RAM file systems',
] as const;
export type Topic = (typeof TOPICS)[number];

export interface Requirement {
  /** Without `CONFIG_`. */
  symbol: string;
  topic: Topic;
  /** Completes "this kernel has no CONFIG_X: ...". */
  why: string;
  /**
   * `needed`: no boot, or no contact, without it. `wanted`: something works better with it. `parent`: others hang
   * on it, for Kconfig or at run time; only `kernel-config` speaks of it, the check speaks of the others.
   */
  level: 'needed' | 'wanted' | 'parent';
  /** Default: both. */
  arch?: Architecture;
  /** Needed only by guests with one of these. */
  features?: readonly Feature[];
  /** The module that does as well as `y`. Default: only `y` will do. */
  module?: string;
}

export const REQUIREMENTS: readonly Requirement[] = [
  ...topic('what everything else hangs on', [
    needed('64BIT', 'the entry point is the 64-bit one', { arch: 'x86_64' }),
    parent('PRINTK', 'for the console, which says why a boot failed'),
    parent('NET', 'for vsock and Unix sockets'),
    parent('BLOCK', 'for disks and the file systems on them'),
    parent('MULTIUSER', 'for `--user`'),
    parent('FUTEX', 'for the threads of commands'),
    parent('HYPERVISOR_GUEST', 'for KVM_GUEST', { arch: 'x86_64' }),
    parent('PARAVIRT', 'for KVM_GUEST', { arch: 'x86_64' }),
    wanted('KVM_GUEST', 'a clock that keeps time when the host is busy', { arch: 'x86_64' }),
  ]),
  ...topic('the devices and how they are found', [
    // Seen with 6.1: without PCI it refuses its tables with AE_BAD_PARAMETER, "During Region initialization".
    parent('PCI', 'for ACPI, which may not start without it', { arch: 'x86_64' }),
    needed('ACPI', 'the devices are described in its tables', { arch: 'x86_64' }),
    parent('VIRTIO_MENU', 'for every virtio device'),
    needed('VIRTIO_MMIO', 'every device is one of virtio-mmio', { module: 'virtio_mmio' }),
    wanted('PVPANIC', 'a panic is told at once'),
    wanted('PVPANIC_MMIO', 'a panic is told at once', { module: 'pvpanic_mmio' }),
    parent('HW_RANDOM', 'for HW_RANDOM_VIRTIO'),
    wanted('HW_RANDOM_VIRTIO', 'random numbers right after the boot', { module: 'virtio_rng' }),
  ]),
  ...topic('the connection to the host', [
    needed('VSOCKETS', 'guests are reached through it', { module: 'vsock' }),
    needed('VIRTIO_VSOCKETS', 'guests are reached through it', { module: 'vmw_vsock_virtio_transport' }),
  ]),
  ...topic('the console', [
    parent('TTY', 'for every console'),
    needed('SERIAL_8250', 'the console is a serial port of this kind', { arch: 'x86_64' }),
    needed('SERIAL_8250_CONSOLE', 'the kernel speaks through it', { arch: 'x86_64' }),
    needed('SERIAL_AMBA_PL011', 'the console is a serial port of this kind', { arch: 'aarch64' }),
    needed('SERIAL_AMBA_PL011_CONSOLE', 'the kernel speaks through it', { arch: 'aarch64' }),
    parent('UNIX98_PTYS', 'for `--tty`'),
  ]),
  ...topic('the first user space', [
    needed('BLK_DEV_INITRD', 'the agent comes in an initial RAM file system'),
    needed('BINFMT_ELF', 'the agent is an ELF file'),
    needed('BINFMT_SCRIPT', 'scripts are run by their first line'),
    needed('PROC_FS', 'the agent mounts /proc'),
    needed('SYSFS', 'the agent mounts /sys'),
    needed('DEVTMPFS', 'the agent mounts /dev'),
    parent('SHMEM', 'for TMPFS'),
    needed('TMPFS', 'the agent mounts /tmp and /run'),
    needed('UNIX', 'programs in the guest speak through Unix sockets'),
    needed('EPOLL', 'the agent waits with it'),
    needed('SIGNALFD', 'the agent hears of its children through it'),
  ]),
  ...topic('disks and file systems', [
    parent('BLK_DEV', 'for VIRTIO_BLK'),
    needed('VIRTIO_BLK', 'disks are virtio block devices', { features: ['disks'], module: 'virtio_blk' }),
    needed('EXT4_FS', 'the root file system is ext4', { features: ['ext4'], module: 'ext4' }),
    parent('MISC_FILESYSTEMS', 'for SquashFS and EROFS'),
    needed('SQUASHFS', 'the root file system is SquashFS', { features: ['squashfs'], module: 'squashfs' }),
    needed('EROFS_FS', 'the root file system is EROFS', { features: ['erofs'], module: 'erofs' }),
    needed('OVERLAY_FS', 'the root file system can be written to', { features: ['overlay'], module: 'overlay' }),
  ]),
  ...topic('compressed initial RAM file systems', [
    needed('RD_GZIP', 'the file of --initrd is compressed with gzip', { features: ['gzip'] }),
    needed('RD_BZIP2', 'the file of --initrd is compressed with bzip2', { features: ['bzip2'] }),
    needed('RD_LZMA', 'the file of --initrd is compressed with lzma', { features: ['lzma'] }),
    needed('RD_XZ', 'the file of --initrd is compressed with xz', { features: ['xz'] }),
    needed('RD_LZO', 'the file of --initrd is compressed with lzo', { features: ['lzo'] }),
    needed('RD_LZ4', 'the file of --initrd is compressed with lz4', { features: ['lz4'] }),
    needed('RD_ZSTD', 'the file of --initrd is compressed with zstd', { features: ['zstd'] }),
  ]),
];

type Row = Omit<Requirement, 'topic'>;
type More = Pick<Requirement, 'arch' | 'features' | 'module'>;

function needed(symbol: string, why: string, more: More = {}): Row {
  return { symbol, why, level: 'needed', ...more };
}
function wanted(symbol: string, why: string, more: More = {}): Row {
  return { symbol, why, level: 'wanted', ...more };
}
function parent(symbol: string, why: string, more: More = {}): Row {
  return { symbol, why, level: 'parent', ...more };
}
function topic(name: Topic, rows: readonly Row[]): Requirement[] {
  return rows.map((row) => ({ ...row, topic: name }));
}
