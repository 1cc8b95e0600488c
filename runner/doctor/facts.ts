/** What `vmtest doctor` finds out about a machine, before anyone judges it. Plain values: `--json` prints them. */
import type { KvmProbe } from '../engine/probe.js';
import type { Architecture } from '../images/kernels/architecture.js';

/** null is "not known" everywhere, and with limits "none". */
export interface Facts {
  /** Version of vmtest. */
  vmtest: string;
  node: string;
  /** As `uname -m` has it. */
  machine: string;
  /** As `uname -r` has it. */
  kernel: string;
  /** Effective; -1 where there are none. */
  uid: number;
  cpu: CpuFacts;
  kvm: KvmFacts;
  qemu: Record<Architecture, QemuFacts>;
  /** Whether the guest agent was built. */
  agents: Record<Architecture, boolean>;
  memory: MemoryFacts;
  disks: DiskFacts[];
  cache: CacheFacts;
  container: ContainerFacts;
  clock: ClockFacts;
  /** Names of the tools (`tools.ts`) that were not found. */
  missingTools: string[];
}

export interface CpuFacts {
  model: string | null;
  /** CPUs that this process may use. */
  count: number;
  /** Those of /proc/cpuinfo that matter: vmx, svm, hypervisor, constant_tsc, nonstop_tsc. */
  flags: string[];
}

export interface KvmFacts {
  device: { uid: number; gid: number /** Permission bits. */; mode: number } | null;
  /** Name of the device's group. */
  group: string | null;
  /** `session`: this process has the group. `account`: only the user's account has, since a later login. */
  member: 'session' | 'account' | 'no';
  /** What running a small guest said; null where the probe could not run. */
  probe: KvmProbe | null;
  /** Why the probe could not run. */
  probeProblem: string | null;
  /** Whether guests may have virtualization extensions; null where neither module says. */
  nested: boolean | null;
}

export type QemuFacts = { path: string; version: string } | { code: string; message: string };

export interface MemoryFacts {
  /** MiB. */
  availableMib: number | null;
  /** What the control groups have left, MiB. */
  groupsMib: number | null;
  /** What a run gives to guests at most, MiB. */
  forGuestsMib: number | null;
  /** CPUs for guests. */
  guestCpus: number;
}

export interface DiskFacts {
  use: 'cache' | 'temporary';
  path: string;
  freeMib: number | null;
}

export interface CacheFacts {
  path: string;
  writable: boolean;
  /** Images by name. */
  images: number;
  /** Of the blobs of the store, without what is made of them. */
  blobsMib: number;
}

export interface ContainerFacts {
  /** What it is: docker, podman, lxc, ...; null outside of containers. */
  kind: string | null;
  cpus: number | null;
  pids: number | null;
  /** proc(5): 0 is none, 1 strict, 2 filter. */
  seccomp: number | null;
  /** Size of /dev/shm. */
  shmMib: number | null;
  /** Whether memfd_create(2) works. */
  memfd: boolean | null;
}

export interface ClockFacts {
  /** Clock source of the kernel. */
  source: string | null;
  available: string[];
  /** Milliseconds since 1970. */
  now: number;
}
