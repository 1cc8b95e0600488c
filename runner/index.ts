/** The library: what `import ... from 'vmtest'` gives. */
export { defineConfig, type VmtestConfig } from './config/define-config.js';
export type { DiskMode, DiskSpec, Guest, GuestEnd, GuestStats } from './engine/guest.js';
export { type KvmProbe, probeKvm } from './engine/probe.js';
export { VmtestError } from './errors.js';
export type { RootRequest } from './images/roots/root.js';
export type { ConsoleLog } from './machine/console-log.js';
export { copyIn } from './machine/copy/copy-in.js';
export { copyOut } from './machine/copy/copy-out.js';
export type { CopySource, Placement } from './machine/copy/place.js';
export type { CopyMachine, CopyOptions, CopyResult } from './machine/copy/session.js';
export type { MachineEnd } from './machine/describe-end.js';
export { type LaunchOptions, launch } from './machine/launch.js';
export type { Machine } from './machine/machine.js';
export type { Fault, FaultType, Frame, SourceLine } from './results/faults/fault.js';
