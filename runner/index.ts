/**
 * The library: what `import ... from 'vmtest'` gives.
 *
 *     import { boot, run } from 'vmtest';
 *     const { stdout } = await run('uname -r');
 *     await using machine = await boot({ image: 'debian-12', cpus: 2 });
 *     await machine.exec(['systemctl', 'is-system-running', '--wait']).result;
 */
export type { Capture, ExecOptions, ExecProcess, ExecResult } from './agent/index.js';
export { defineConfig, type VmtestConfig } from './config/define-config.js';
export type { DiskMode, DiskSpec, Guest, GuestEnd, GuestStats, MountMode, MountSpec } from './engine/guest.js';
export { type KvmProbe, probeKvm } from './engine/probe.js';
export { VmtestError } from './errors.js';
export type { RootRequest } from './images/roots/root.js';
export type { ConsoleLog } from './machine/console-log.js';
export { copyIn } from './machine/copy/copy-in.js';
export { copyOut } from './machine/copy/copy-out.js';
export type { CopySource, Placement } from './machine/copy/place.js';
export type { CopyMachine, CopyOptions, CopyResult } from './machine/copy/session.js';
export type { MachineEnd } from './machine/describe-end.js';
export { type LaunchOptions as BootOptions, launch as boot } from './machine/launch.js';
export type { Machine } from './machine/machine.js';
export { type RunOnceOptions as RunOptions, type RunOnceResult as RunResult, run } from './machine/run-once.js';
export type { Fault, FaultType, Frame, SourceLine } from './results/faults/fault.js';
