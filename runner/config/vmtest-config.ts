/** The configuration of vmtest as a type. Made from the schema by config-types.test.ts: `npx vitest run config-types -u`. */

/** What `vmtest.config.ts` exports; docs/config.md is the reference. */
export interface VmtestConfig {
  /** For editors: where the schema of this file is. */
  $schema?: string | undefined;
  /** Axis "kernel": paths, cloud, generic, or objects of guest options with a name; or labels with either. */
  kernels?: (string | NamedGuest)[] | Record<string, string | Guest> | undefined;
  /** Axis "image": names of images, or objects of guest options with a name; or labels with either. */
  images?: (string | NamedGuest)[] | Record<string, string | Guest> | undefined;
  /** Axis "arch": x86_64, aarch64. */
  arch?: ('x86_64' | 'aarch64')[] | undefined;
  /** Axis "cpus": numbers of virtual CPUs. */
  cpus?: number[] | undefined;
  /** Axis "memory": 512M, 2G, or MiB as numbers. */
  memory?: (string | number)[] | undefined;
  /** Axes of your own: name, then label, then guest options. */
  axes?: Record<string, Record<string, Guest>> | undefined;
  /** Points of the matrix to leave out: labels by axis, * for anything, a list for any of them. */
  exclude?: LabelPattern[] | undefined;
  /** More for points of the matrix that it fits, else a point of its own. Comes after exclude. */
  include?: ({
    /** Label by axis. */
    axes: Record<string, string | number>;
    /** Guest options. */
    guest?: Guest | undefined;
  })[] | undefined;
  /** What is different in some cells; comes after axes, include and suites, and each after those before it. */
  overrides?: ({
    /** The cells: labels by axis, * for anything, a list for any of them. {} for all. */
    match: LabelPattern;
    /** Guest options for these cells. */
    guest?: Guest | undefined;
    /** Limits: 30s, 2m, or milliseconds as a number. */
    timeouts?: Timeouts | undefined;
    /** How often a failed suite is tried again, each time in a fresh guest; 0 to 100. Default: 0. */
    retries?: number | undefined;
    /** guest: a fresh guest for each suite. cell: one for all such suites of the cell, in order. Default: guest. */
    isolate?: 'guest' | 'cell' | undefined;
    /** What the kernel's faults (oops, WARNING, KASAN, ...) do: fail the suite, or be told only. Default: fail. */
    faults?: 'fail' | 'report' | undefined;
    /** Faults that are known and fail nothing for a while. Those of top, suite and overrides are joined. */
    allowedFaults?: AllowedFault[] | undefined;
    /** Known failures, and what is skipped. Those of top, suite and overrides are joined. */
    expect?: Expectation[] | undefined;
    /** Variables for the commands, laid over those of the image; a suite's over the top's. */
    env?: Record<string, string | number> | undefined;
  })[] | undefined;
  /** What all guests have alike. */
  guest?: Guest | undefined;
  /** What is run in each cell. */
  suites: Suite[];
  /** Guests at once, at most: a number, a share of the CPUs like 50%, or auto: as many as fit. Default: auto. */
  workers?: string | number | undefined;
  /** Names of reporters, or [name, options]. Default: list and junit, and github where GITHUB_ACTIONS is set. */
  reporters?: ('list' | 'dot' | 'line' | 'json' | 'junit' | 'github' | 'blob' | ['list' | 'dot' | 'line' | 'json' | 'junit' | 'github' | 'blob', {
    /** Of json, junit and blob: the file, or the directory; - is standard output. Default: in the results. */
    outputFile?: string | undefined;
    /** Of junit: surefire is a directory with a file for each job. Default: jenkins. */
    dialect?: 'jenkins' | 'surefire' | undefined;
    /** Of junit: <flakyFailure> for cases that passed only when tried again. Default: false. */
    flakyFailures?: boolean | undefined;
    /** Of junit: file and line of cases as attributes. Default: false. */
    locations?: boolean | undefined;
    /** Of junit: paths in [[ATTACHMENT|path]]; Jenkins wants absolute, GitLab relative. Default: relative. */
    attachments?: 'relative' | 'absolute' | undefined;
  }])[] | undefined;
  /** Directory of the results. Default: vmtest-results. */
  output?: string | undefined;
  /** Begin no more jobs after so many have failed; 0 is no limit. Default: 0. */
  maxFailures?: number | undefined;
  /** A job that failed first and passed when it was tried again fails the run. Default: false. */
  failOnFlaky?: boolean | undefined;
  /** Limits: 30s, 2m, or milliseconds as a number. */
  timeouts?: Timeouts | undefined;
  /** How often a failed suite is tried again, each time in a fresh guest; 0 to 100. Default: 0. */
  retries?: number | undefined;
  /** guest: a fresh guest for each suite. cell: one for all such suites of the cell, in order. Default: guest. */
  isolate?: 'guest' | 'cell' | undefined;
  /** What the kernel's faults (oops, WARNING, KASAN, ...) do: fail the suite, or be told only. Default: fail. */
  faults?: 'fail' | 'report' | undefined;
  /** Faults that are known and fail nothing for a while. Those of top, suite and overrides are joined. */
  allowedFaults?: AllowedFault[] | undefined;
  /** Known failures, and what is skipped. Those of top, suite and overrides are joined. */
  expect?: Expectation[] | undefined;
  /** Variables for the commands, laid over those of the image; a suite's over the top's. */
  env?: Record<string, string | number> | undefined;
}

export interface NamedGuest {
  /** The label: a part of the names of cells. */
  name: string;
  /** native, qemu, or auto: native where KVM works for the architecture, else qemu. Default: auto, or VMTEST_ENGINE. */
  engine?: 'auto' | 'native' | 'qemu' | undefined;
  /** Architecture. Default: this machine's. */
  arch?: 'x86_64' | 'aarch64' | undefined;
  /** Gives what the others do not: NAME, or NAME@DIGEST. Default: micro. */
  image?: string | undefined;
  /** A kernel, package, build tree or directory by its path; or cloud or generic, which are Debian's. Default: the image has one. */
  kernel?: string | undefined;
  /** Initial RAM file system; the agent is added to it. Goes with kernel, not with image. */
  initrd?: string | undefined;
  /** lib/modules/RELEASE of the kernel. Default: searched beside the kernel, then on this host. */
  modules?: string | undefined;
  /** Modules of the kernel to load before anything runs. */
  load?: string[] | undefined;
  /** Root of the guest: a directory, tarball, container image or raw image. Writes are lost. Default: that of the image. */
  root?: string | {
    /** Directory, tarball, container image or raw image. */
    path: string;
    /** Whether the guest may change the image itself; only raw images. Default: false. */
    writable?: boolean | undefined;
  } | undefined;
  /** The root's own init, which becomes PID 1: systemd, or a path. Default: the agent is PID 1. */
  init?: string | undefined;
  /** Virtual CPUs, 1 to 32. Default: 1. */
  cpus?: number | undefined;
  /** Guest memory: 512M, 2G, or MiB as a number; 64M to 64G. Default: 512M. */
  memory?: string | number | undefined;
  /** More kernel arguments, put last. Those of base, axes, include and overrides are joined. */
  append?: string | undefined;
  /** Raw disks, after that of the root: a path, whose writes are lost, or an object. Default: none. */
  disks?: (string | {
    /** The file. */
    path: string;
    /** overlay: writes are lost. Default: overlay. */
    mode?: 'ro' | 'rw' | 'overlay' | undefined;
    /** virtio-blk serial, at most 20 characters. Default: none. */
    serial?: string | undefined;
  })[] | undefined;
  /** Live directories of this host in the guest; only QEMU serves them. Default: none. */
  mounts?: ({
    /** The directory. */
    host: string;
    /** Where it is in the guest; / makes it the root. */
    guest: string;
    /** Whether the guest may change it; rw: others may, too; exclusive: nobody else does, which is faster. Default: ro. */
    mode?: 'ro' | 'rw' | 'exclusive' | undefined;
  })[] | undefined;
  /** Show the virtualization extensions to the guest. Default: false. */
  nested?: boolean | undefined;
  /** aarch64: show the performance monitor to the guest. Default: false. */
  pmu?: boolean | undefined;
  /** aarch64: show the scalable vectors to the guest. Default: false. */
  sve?: boolean | undefined;
}

export interface Guest {
  /** native, qemu, or auto: native where KVM works for the architecture, else qemu. Default: auto, or VMTEST_ENGINE. */
  engine?: 'auto' | 'native' | 'qemu' | undefined;
  /** Architecture. Default: this machine's. */
  arch?: 'x86_64' | 'aarch64' | undefined;
  /** Gives what the others do not: NAME, or NAME@DIGEST. Default: micro. */
  image?: string | undefined;
  /** A kernel, package, build tree or directory by its path; or cloud or generic, which are Debian's. Default: the image has one. */
  kernel?: string | undefined;
  /** Initial RAM file system; the agent is added to it. Goes with kernel, not with image. */
  initrd?: string | undefined;
  /** lib/modules/RELEASE of the kernel. Default: searched beside the kernel, then on this host. */
  modules?: string | undefined;
  /** Modules of the kernel to load before anything runs. */
  load?: string[] | undefined;
  /** Root of the guest: a directory, tarball, container image or raw image. Writes are lost. Default: that of the image. */
  root?: string | {
    /** Directory, tarball, container image or raw image. */
    path: string;
    /** Whether the guest may change the image itself; only raw images. Default: false. */
    writable?: boolean | undefined;
  } | undefined;
  /** The root's own init, which becomes PID 1: systemd, or a path. Default: the agent is PID 1. */
  init?: string | undefined;
  /** Virtual CPUs, 1 to 32. Default: 1. */
  cpus?: number | undefined;
  /** Guest memory: 512M, 2G, or MiB as a number; 64M to 64G. Default: 512M. */
  memory?: string | number | undefined;
  /** More kernel arguments, put last. Those of base, axes, include and overrides are joined. */
  append?: string | undefined;
  /** Raw disks, after that of the root: a path, whose writes are lost, or an object. Default: none. */
  disks?: (string | {
    /** The file. */
    path: string;
    /** overlay: writes are lost. Default: overlay. */
    mode?: 'ro' | 'rw' | 'overlay' | undefined;
    /** virtio-blk serial, at most 20 characters. Default: none. */
    serial?: string | undefined;
  })[] | undefined;
  /** Live directories of this host in the guest; only QEMU serves them. Default: none. */
  mounts?: ({
    /** The directory. */
    host: string;
    /** Where it is in the guest; / makes it the root. */
    guest: string;
    /** Whether the guest may change it; rw: others may, too; exclusive: nobody else does, which is faster. Default: ro. */
    mode?: 'ro' | 'rw' | 'exclusive' | undefined;
  })[] | undefined;
  /** Show the virtualization extensions to the guest. Default: false. */
  nested?: boolean | undefined;
  /** aarch64: show the performance monitor to the guest. Default: false. */
  pmu?: boolean | undefined;
  /** aarch64: show the scalable vectors to the guest. Default: false. */
  sve?: boolean | undefined;
}

export type LabelPattern = Record<string, string | number | (string | number)[]>;

export interface Timeouts {
  /** From the start of the guest until its agent answers. Default: 2m. */
  boot?: string | number | undefined;
  /** Of the suite's command, and of each command of setup and teardown. Default: 10m. */
  command?: string | number | undefined;
  /** Without a byte of output from the command. Default: none. */
  idle?: string | number | undefined;
  /** From the beginning of an attempt to the end of its command. Default: none. */
  total?: string | number | undefined;
}

export interface AllowedFault {
  /** A regular expression, looked for in the fault's title and in each line of its trace. */
  pattern: string;
  /** Why it is allowed: the report of the bug, who looks into it. */
  reason: string;
  /** The last day on which it is (UTC), as 2026-12-31. */
  expires: string;
}

export interface Expectation {
  /** Path of a case, its names joined by " > ", * for anything. Default: the whole suite. */
  case?: string | undefined;
  /** skip: is not run (a suite), or does not count (a case). fail: must fail; that it passes is a failure. */
  outcome: 'skip' | 'fail';
  /** Why: the report of the bug, who looks into it. */
  reason: string;
  /** Last day on which it is expected (UTC), as 2026-12-31. Must be there for fail. */
  expires?: string | undefined;
  /** Where it is expected. Default: everywhere. */
  only?: Condition | undefined;
}

export interface Condition {
  /** A range of versions as npm has them (>=6.1 <6.8); compared with the first three numbers of the kernel's release, in the guest. */
  kernelVersion?: string | undefined;
  /** The engine that serves the guest: native for what needs real time, since an emulated guest is slower. */
  engine?: 'native' | 'qemu' | undefined;
  /** By axis: the label, or labels of which one must be the cell's; * for anything. All axes must fit. */
  axes?: LabelPattern | undefined;
}

export interface Suite {
  /** Unique; the second half of the names of its jobs, CELL > SUITE. */
  name: string;
  /** What is run: a line for the guest's /bin/sh -c, or a list of a program and its arguments. */
  run: string | string[];
  /** What the results are written in: a format, or one with a file. Default: exit-code. */
  parse?: 'exit-code' | 'tap' | 'ktap' | 'kselftest' | 'gtest' | 'go-json' | 'junit' | 'pytest' | {
    /** A format of test results. */
    format: 'exit-code' | 'tap' | 'ktap' | 'kselftest' | 'gtest' | 'go-json' | 'junit' | 'pytest';
    /** Path in the guest of the file with the results; relative to cwd. Default: standard output. */
    file?: string | undefined;
  } | undefined;
  /** Working directory of the commands. Default: that of the image, or /. */
  cwd?: string | undefined;
  /** Name, or uid[:gid], that the commands run as. Default: that of the image, or root. */
  user?: string | number | undefined;
  /** Commands before it, in order; the first that fails ends the attempt. */
  setup?: (string | string[])[] | undefined;
  /** Commands after it, also when it failed, as long as the guest lives. */
  teardown?: (string | string[])[] | undefined;
  /** Files copied into the guest before setup. */
  copyIn?: ({
    /** Path of this host, or a pattern (*, ?, [...], **). */
    source: string;
    /** Path in the guest; a directory, if it ends with a slash. */
    destination: string;
  })[] | undefined;
  /** Files copied out of the guest after teardown, also when the suite failed: a path, or an object. */
  copyOut?: (string | {
    /** Path in the guest, or a pattern (*, ?, [...], **). */
    source: string;
    /** Below the attempt's directory in the results. Default: that directory. */
    destination?: string | undefined;
  })[] | undefined;
  /** Directories that are copied into the guest before setup. A copy: what the guest writes there is lost. */
  shares?: ({
    /** A directory of this host. */
    host: string;
    /** Where its contents go in the guest. */
    guest: string;
  })[] | undefined;
  /** In which cells, and with which kernels, the suite is run. Default: all. */
  only?: Condition | undefined;
  /** Limits: 30s, 2m, or milliseconds as a number. */
  timeouts?: Timeouts | undefined;
  /** How often a failed suite is tried again, each time in a fresh guest; 0 to 100. Default: 0. */
  retries?: number | undefined;
  /** guest: a fresh guest for each suite. cell: one for all such suites of the cell, in order. Default: guest. */
  isolate?: 'guest' | 'cell' | undefined;
  /** What the kernel's faults (oops, WARNING, KASAN, ...) do: fail the suite, or be told only. Default: fail. */
  faults?: 'fail' | 'report' | undefined;
  /** Faults that are known and fail nothing for a while. Those of top, suite and overrides are joined. */
  allowedFaults?: AllowedFault[] | undefined;
  /** Known failures, and what is skipped. Those of top, suite and overrides are joined. */
  expect?: Expectation[] | undefined;
  /** Variables for the commands, laid over those of the image; a suite's over the top's. */
  env?: Record<string, string | number> | undefined;
}
