/** What a guest needs of its kernel's configuration. Pure data. */
import type { Architecture } from './architecture.js';

/** What a guest may have that not every guest has. */
export type Feature =
  | 'disks'
  | 'ext4'
  | 'squashfs'
  | 'erofs'
  | 'overlay'
  // Directories of the host.
  | 'mounts'
  // How the SquashFS of the root is compressed.
  | 'squashfs-gzip'
  | 'squashfs-lzo'
  | 'squashfs-xz'
  | 'squashfs-lz4'
  | 'squashfs-zstd'
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
  'directories of the host',
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
    wanted('SMP', 'more than one CPU, for `--cpus`'),
    parent('HYPERVISOR_GUEST', 'for KVM_GUEST', { arch: 'x86_64' }),
    parent('PARAVIRT', 'for KVM_GUEST', { arch: 'x86_64' }),
    wanted('KVM_GUEST', 'a clock that keeps time when the host is busy', { arch: 'x86_64' }),
  ]),
  ...topic('the devices and how they are found', [
    // Kconfig allows ACPI without PCI since 5.0. But the list of address spaces that ACPICA prepares has PCI_Config all
    // the same (drivers/acpi/acpica/evhandler.c), for which there is no handler then: AE_BAD_PARAMETER, "During Region
    // initialization", and ACPI is turned off. No other symbol makes up for it; that there is no PCI bus does no harm.
    needed('PCI', 'ACPI does not start without it', { arch: 'x86_64' }),
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
    // Tarballs and container images become SquashFS with lz4.
    needed('SQUASHFS_LZ4', 'the root file system is SquashFS with lz4', { features: ['squashfs-lz4'] }),
    needed('SQUASHFS_ZLIB', 'the root file system is SquashFS with gzip', { features: ['squashfs-gzip'] }),
    needed('SQUASHFS_LZO', 'the root file system is SquashFS with lzo', { features: ['squashfs-lzo'] }),
    needed('SQUASHFS_XZ', 'the root file system is SquashFS with xz', { features: ['squashfs-xz'] }),
    needed('SQUASHFS_ZSTD', 'the root file system is SquashFS with zstd', { features: ['squashfs-zstd'] }),
    wanted('SQUASHFS_XATTR', 'extended attributes of a SquashFS, such as file capabilities'),
    needed('EROFS_FS', 'the root file system is EROFS', { features: ['erofs'], module: 'erofs' }),
    wanted('EROFS_FS_XATTR', 'extended attributes of an EROFS, such as file capabilities'),
    needed('OVERLAY_FS', 'the root file system can be written to', { features: ['overlay'], module: 'overlay' }),
    // Where they cannot be kept, mkdir(2) fails with EIO in the place of a directory that was removed.
    needed('TMPFS_XATTR', 'the overlay over the root keeps its marks in extended attributes', {
      features: ['overlay'],
    }),
  ]),
  ...topic('directories of the host', [
    parent('INET', 'for 9P_FS, which Linux offers with it alone'),
    parent('NETWORK_FILESYSTEMS', 'for 9P_FS'),
    needed('NET_9P', 'mounts speak 9p', { features: ['mounts'], module: '9pnet' }),
    needed('NET_9P_VIRTIO', 'mounts are virtio devices', { features: ['mounts'], module: '9pnet_virtio' }),
    needed('9P_FS', "mounts are 9p file systems; Debian's generic kernel (--kernel generic) has them", {
      features: ['mounts'],
      module: '9p',
    }),
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
