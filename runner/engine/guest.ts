import type { Duplex } from 'node:stream';
import type { Architecture } from '../images/kernels/architecture.js';

/** How a disk's writes are treated. `overlay`: kept for the life of the guest, never in the file. */
export type DiskMode = 'ro' | 'rw' | 'overlay';

export interface DiskSpec {
  path: string;
  mode: DiskMode;
  /** virtio-blk serial, at most 20 bytes; seen in the guest in /sys/block/vdX/serial. */
  serial?: string;
}

/**
 * Who may change the host's directory while the guest lives. `ro`: nobody is expected to. `rw`: the guest and others, each
 * seen by the other at once. `exclusive`: the guest alone, which therefore keeps what it has read and written.
 */
export const MOUNT_MODES = ['ro', 'rw', 'exclusive'] as const;
export type MountMode = (typeof MOUNT_MODES)[number];

/** A live directory of the host in the guest. */
export interface MountSpec {
  /** Path of the directory. */
  host: string;
  /** Absolute path; `/`: the directory is the guest's root, with `ro` under a private overlay in guest memory. */
  guest: string;
  mode: MountMode;
}

/** What the guest knows a mount by: its place in `GuestSpec.mounts`. */
export const mountTag = (index: number): string => `vmtest${index}`;

/** A guest as an engine builds it: plain values, every file by its path on the host. */
export interface GuestSpec {
  arch: Architecture;
  /** 1 to 32. */
  cpus: number;
  /** 64 to 65536. */
  memoryMib: number;
  kernel: string;
  /** The bzImage that `kernel` came out of: for engines that cannot enter every unpacked kernel. */
  bzImage?: string | undefined;
  initrd?: string;
  /** What to call the files in messages, where `kernel` and `initrd` were made from what the user named. */
  labels?: { kernel?: string; initrd?: string };
  cmdline: string;
  disks: readonly DiskSpec[];
  /** Only QEMU serves them. */
  mounts: readonly MountSpec[];
  /** Show the virtualization extensions to the guest. */
  nested: boolean;
  /** aarch64: show the performance monitor. Default: false; QEMU always shows one. */
  pmu?: boolean;
  /** aarch64: show the scalable vectors. Default: false. */
  sve?: boolean;
  /** Unix seconds that the CMOS clock starts from; default: the host's time. */
  rtcBase?: number;
}

/** What asked for a reset; QEMU does not tell. */
export type ResetBy = 'i8042' | 'acpi' | 'cf9' | 'psci';

/** How a guest ended (docs/control-protocol.md), and one more: the engine's process was lost. */
export type GuestEnd =
  | { kind: 'poweroff' }
  | { kind: 'reset'; by?: ResetBy | undefined }
  | { kind: 'panic' }
  | { kind: 'triple-fault' }
  | { kind: 'debug-exit'; code: number }
  | {
      kind: 'kvm-internal-error';
      suberror: number;
      data: string[];
      registers: Record<string, string>;
      rip_bytes: string;
    }
  | { kind: 'entry-failure'; hardware_reason: string }
  | { kind: 'killed' }
  | { kind: 'host-error'; code: string; message: string }
  | { kind: 'engine-lost'; process: 'vmtest-vmm' | 'QEMU'; message: string };

export interface QueueStats {
  popped: number;
  pushed: number;
  notified: number;
  signalled: number;
}

/** Counters of a guest, since its start. */
export interface GuestStats {
  /** VM exits by kind, all vCPUs together. */
  exits: Record<string, number>;
  vcpus: Record<string, number>[];
  /** By device and queue: `blk0.0`. */
  queues: Record<string, QueueStats>;
  vsock: { connections: number; rx_bytes: number; tx_bytes: number; resets: number };
}

export interface GuestEvents {
  /** A connection of the guest to a port that is listened on; the stream is the receiver's to close. */
  onAccept(port: number, peerPort: number, stream: Duplex): void;
  /** The guest's kernel reported a panic; `ended` follows. */
  onPanicked(): void;
  /** Something that the user should know. */
  onLog(level: 'warning' | 'error', message: string): void;
  /** Bytes of the serial console, as they come. */
  onConsole(chunk: Buffer): void;
}

/** What a request may be limited by. */
export interface RequestOptions {
  signal?: AbortSignal | undefined;
}

/**
 * A guest under an engine: configured, not yet started. Disposing kills it and waits until its process
 * is gone.
 */
export interface Guest extends AsyncDisposable {
  readonly engine: string;
  /** The process that runs the guest. */
  readonly pid: number;
  /** Resolves once, however the guest ends, after its last console bytes were delivered; never rejects. */
  readonly ended: Promise<GuestEnd>;
  start(options?: RequestOptions): Promise<void>;
  pause(options?: RequestOptions): Promise<void>;
  resume(options?: RequestOptions): Promise<void>;
  /** Kills the guest; `ended` then says `killed`, unless it ended before. */
  stop(): Promise<void>;
  /** Connects to a vsock port of the guest. `CONTROL_NOT_FOUND` when nobody listens there. */
  connect(port: number, options?: RequestOptions): Promise<Duplex>;
  /** Accepts connections of the guest to the host's `port`: `onAccept`. */
  listen(port: number, options?: RequestOptions): Promise<void>;
  unlisten(port: number, options?: RequestOptions): Promise<void>;
  /** Also after the end of the guest, until it is disposed of. */
  stats(options?: RequestOptions): Promise<GuestStats>;
}

/** Starts an engine's guest; it does not run yet. */
export type CreateGuest = (spec: GuestSpec, events: GuestEvents, request: RequestOptions) => Promise<Guest>;
