/** How a test run gets its guests: an interface, so that a bench can do without real ones. */
import type { Machine } from '../machine/machine.js';
import type { GuestOptions } from '../plan/guest-options.js';

/** What a test run needs of a machine. */
export type TestMachine = Pick<
  Machine,
  'engine' | 'timeScale' | 'hello' | 'console' | 'ended' | 'agent' | 'exec' | 'stats' | typeof Symbol.asyncDispose
>;

export interface StartFacts {
  /** The image that gave some of its parts. */
  image?: { name: string; digest: string } | undefined;
  /** Why it is served by the engine that serves it. */
  engineReason?: string;
  /** What time limits are multiplied by; see `Machine`. */
  timeScale: number;
}

export interface BootRequest {
  /** From the start of the guest until its agent answers, milliseconds. */
  timeoutMs: number;
  signal: AbortSignal;
  /** Everything is found and made, and the guest is about to be started. */
  onStart(about: StartFacts): void;
  /** Bytes of the serial console, as they come. */
  onConsole(chunk: Buffer): void;
  /** Something that the user should know. */
  onLog(message: string): void;
}

/** Boots a guest, or rejects as `launch` does. */
export type Boot = (guest: GuestOptions, request: BootRequest) => Promise<TestMachine>;
