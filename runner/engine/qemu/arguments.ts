/** The command line of QEMU for one guest: everything is said, nothing is left to defaults or to files. Pure. */
import type { Architecture } from '../../images/kernels/architecture.js';
import { checkCommandLine } from '../check-command-line.js';
import { type DiskMode, type GuestSpec, type MountMode, mountTag } from '../guest.js';

/** Descriptors as QEMU inherits them. */
export interface InheritedFiles {
  /** Sockets. */
  qmp: number;
  console: number;
  vsock: number;
  kernel: number;
  initrd?: number | undefined;
  /** One for each disk of the guest. */
  disks: readonly number[];
  /** Directories: one for each mount of the guest. */
  mounts: readonly number[];
}

export interface ArgumentOptions {
  files: InheritedFiles;
  /** How fast the host's time stamp counter runs, kHz. Of no meaning for aarch64. */
  tscKhz?: number | undefined;
  /** Model of the CPU as QEMU's `-cpu` takes it. Default: the fastest that current kernels are made for. */
  cpu?: string | undefined;
}

/**
 * - `-nodefaults -no-user-config`: no device and no setting that is not named here.
 * - `-S`: nothing runs before `cont`.
 * - `-no-reboot`: a reset is the end of the guest, as with the native engine.
 * - `panic=none`: the kernel finishes its report, and its own `panic=-1` ends it.
 */
export function qemuArguments(spec: GuestSpec, { files, tscKhz, cpu: model }: ArgumentOptions): string[] {
  const { arch } = spec;
  const socket = (id: string, fd: number): string[] => ['-chardev', `socket,id=${id},fd=${fd}`];
  const { board, transports, cpu } = MACHINES[arch];
  const slot = (device: string, index: number): string[] => [
    '-device',
    `${device},bus=virtio-mmio-bus.${transports(index)}`,
  ];
  return [
    ...['-nodefaults', '-no-user-config', '-display', 'none', '-S', '-no-reboot'],
    ...['-action', 'reboot=shutdown,shutdown=poweroff,panic=none,watchdog=none'],
    ...['-sandbox', 'on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny'],
    ...['-name', 'vmtest,process=vmtest-qemu'],
    ...['-machine', `${board(spec.nested)},memory-backend=memory`],
    ...['-accel', 'tcg,thread=multi', '-cpu', model ?? cpu(spec), '-smp', `${spec.cpus}`],
    // Shared, because the other process with the vsock device works in it; sealed, so that it never shrinks under it.
    ...['-m', `${spec.memoryMib}M`],
    ...['-object', `memory-backend-memfd,id=memory,size=${spec.memoryMib}M,share=on,seal=on`],
    // The guest's clock is the host's, as with the native engine.
    ...['-rtc', `base=${rtcBase(spec.rtcBase)},clock=host`],
    // QEMU would write the older virtio of 2011 otherwise.
    ...['-global', 'virtio-mmio.force-legacy=false'],
    ...socket('qmp', files.qmp),
    ...['-mon', 'chardev=qmp,mode=control'],
    ...socket('console', files.console),
    ...['-serial', 'chardev:console'],
    ...socket('vsock', files.vsock),
    ...slot('vhost-user-vsock-device,chardev=vsock', 0),
    ...['-object', 'rng-builtin,id=entropy'],
    ...slot('virtio-rng-device,rng=entropy', 1),
    ...(arch === 'x86_64'
      ? ['-device', 'pvpanic', '-device', `isa-debug-exit,iobase=${DEBUG_EXIT_PORT},iosize=4`]
      : ['-device', 'pvpanic-pci']),
    ...spec.disks.flatMap((disk, i) => [
      ...diskFile(i, files.disks[i], disk.mode),
      ...slot(`virtio-blk-device,drive=disk${i}${serialOf(disk.serial)}`, 2 + i),
    ]),
    ...spec.mounts.flatMap(({ mode }, i) => [
      ...directory(mountTag(i), files.mounts[i], mode),
      ...slot(`virtio-9p-device,fsdev=${mountTag(i)},mount_tag=${mountTag(i)}`, 2 + spec.disks.length + i),
    ]),
    ...['-kernel', `/dev/fd/${files.kernel}`],
    ...(files.initrd === undefined ? [] : ['-initrd', `/dev/fd/${files.initrd}`]),
    ...['-append', commandLine(spec.cmdline, arch, tscKhz)],
  ];
}

/**
 * A guest that runs guests of its own.
 * - Without XSAVE: TCG does not intercept XSETBV, and the inner guest would see the XCR0 of the outer one.
 * - So without AVX and its kin, which need it: kernels believe the flag, and raid6_pq dies of it.
 * - Without 5-level paging: a walk through nested pages takes a third fewer steps.
 */
const NESTED_CPU = '+svm,+npt,-xsave,-avx,-avx2,-f16c,-fma,-la57';

/** As isa-debug-exit's own default, where the native engine has it too. */
const DEBUG_EXIT_PORT = '0xf4';

interface MachineType {
  board(nested: boolean): string;
  cpu(spec: Pick<GuestSpec, 'nested' | 'sve'>): string;
  /** The transport of the device with this index: such that Linux finds the devices in their order. */
  transports(index: number): number;
}

const MACHINES: Readonly<Record<Architecture, MachineType>> = {
  x86_64: {
    // ACPI describes its virtio-mmio devices, as with the native engine; a second I/O APIC gives it 24 of them.
    board: () =>
      'microvm,acpi=on,rtc=on,pit=on,pic=on,isa-serial=on,ioapic2=on,usb=off,pcie=off,x-option-roms=off,auto-kernel-cmdline=off',
    // Without ERMS and FSRM Linux copies in words of 8 bytes: TCG takes as long for each round of a `rep movsb`, of one byte.
    cpu: ({ nested }) => `max,-erms,-fsrm,${nested ? NESTED_CPU : '-svm'}`,
    // ACPI lists the last one first. The very first is of no use: QEMU takes pin 0 of every I/O APIC for the ISA timer and
    // raises pin 2 in its place (hw/intc/ioapic.c).
    transports: (index) => 23 - index,
  },
  aarch64: {
    board: (nested) => `virt,gic-version=3,usb=off${nested ? ',virtualization=on' : ''}`,
    // The fastest of the models that current distributions' kernels are made for: `max` is four times as slow, less so with a
    // pointer authentication of QEMU's own. It alone has scalable vectors.
    cpu: ({ sve }) => (sve === true ? 'max,pauth-impdef=on' : 'neoverse-n1'),
    transports: (index) => index,
  },
};

/**
 * The file is ours and open already: QEMU gets no name that it could open otherwise. What the host cannot write is the guest's
 * error: by itself QEMU would stop the guest when a disk of the host is full, and wait for an administrator.
 */
function diskFile(index: number, fd: number | undefined, mode: DiskMode): string[] {
  if (fd === undefined) throw new Error('a disk that was not opened');
  const access = {
    ro: 'readonly=on', // Otherwise QEMU would first open it for reading, which a descriptor for both is not good for.
    rw: 'readonly=off,auto-read-only=off',
    overlay: 'readonly=off,snapshot=on',
  }[mode];
  return [
    ...['-add-fd', `fd=${fd},set=${index + 1}`],
    ...[
      '-drive',
      `if=none,id=disk${index},file=/dev/fdset/${index + 1},format=raw,cache=writeback,${access},werror=report,rerror=report`,
    ],
  ];
}

/**
 * The directory is open already; what QEMU opens, it opens below it and never through a symbolic link.
 * - `security_model=none`: owners and modes as they are; what the user may not set stays unset, without an error.
 * - `multidevs=remap`: file systems that are mounted in the directory do not share their inode numbers.
 */
function directory(id: string, fd: number | undefined, mode: MountMode): string[] {
  if (fd === undefined) throw new Error('a directory that was not opened');
  const access = mode === 'ro' ? ',readonly=on' : '';
  return ['-fsdev', `local,id=${id},path=/dev/fd/${fd},security_model=none,multidevs=remap${access}`];
}

/** A comma ends a value, two stand for one. */
const escaped = (value: string): string => value.replaceAll(',', ',,');
const serialOf = (serial: string | undefined): string => (serial === undefined ? '' : `,serial=${escaped(serial)}`);

function rtcBase(seconds: number | undefined): string {
  // QEMU reads neither a fraction nor a zone.
  return seconds === undefined ? 'utc' : new Date(seconds * 1000).toISOString().slice(0, 19);
}

/**
 * TCG hands the host's time stamp counter through, and microvm has nothing steady to measure it against: Linux then takes
 * a wrong rate, or gives the counter up and hangs.
 */
function commandLine(line: string, arch: Architecture, tscKhz: number | undefined): string {
  const whole = arch === 'x86_64' && tscKhz !== undefined ? `tsc_early_khz=${tscKhz} ${line}` : line;
  checkCommandLine(whole);
  return whole;
}
