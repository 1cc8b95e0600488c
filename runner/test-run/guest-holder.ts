/** The guest of a group of jobs: booted when one is wanted, kept while it is good. */
import { settledWithin } from '../deadline.js';
import type { GuestOptions } from '../plan/guest-options.js';
import type { Fault } from '../results/faults/fault.js';
import type { Boot, StartFacts, TestMachine } from './boot.js';
import { type ConsoleListener, type ConsoleTap, createConsoleTap } from './console-tap.js';

export interface HeldGuest {
  readonly machine: TestMachine;
  readonly console: ConsoleTap;
  readonly image: StartFacts['image'];
  readonly engineReason: string | undefined;
  readonly bootMs: number;
  /** It was booted for an earlier job. */
  readonly shared: boolean;
}

export interface GuestRequest {
  bootTimeoutMs: number;
  signal: AbortSignal;
  listener: ConsoleListener;
  /** There is none that could be shared: its parts are looked for. */
  onImages(): void;
  /** They are found and made, and it is about to be started. */
  onStart(timeScale: number): void;
  onLog(message: string): void;
}

export interface GuestHolder extends AsyncDisposable {
  /** The guest that is there, or a new one; rejects as `Boot` does. */
  take(request: GuestRequest): Promise<HeldGuest>;
  /** The console of the guest that was taken last, also when it did not come up. */
  readonly console: ConsoleTap | undefined;
  /** Faults that no job has been told of yet: what the kernel reported between two jobs belongs to the next one. */
  takeFaults(): Fault[];
  /** Ends the guest; the next one who asks gets a new one. */
  [Symbol.asyncDispose](): Promise<void>;
}

export function createGuestHolder(boot: Boot, options: GuestOptions): GuestHolder {
  let held: Omit<HeldGuest, 'shared'> | undefined;
  let console: ConsoleTap | undefined;
  let judgedLines = 0;

  const start = async (request: GuestRequest): Promise<HeldGuest> => {
    request.onImages();
    const tap = createConsoleTap();
    console = tap;
    judgedLines = 0;
    tap.attach(request.listener);
    let facts: StartFacts | undefined;
    let started = performance.now();
    const machine = await boot(options, {
      timeoutMs: request.bootTimeoutMs,
      signal: request.signal,
      onStart(about) {
        facts = about;
        started = performance.now();
        request.onStart(about.timeScale);
      },
      onConsole: tap.write,
      onLog: request.onLog,
    });
    held = {
      machine,
      console: tap,
      image: facts?.image,
      engineReason: facts?.engineReason,
      bootMs: performance.now() - started,
    };
    return { ...held, shared: false };
  };

  const end = async (): Promise<void> => {
    const { machine } = held ?? {};
    held = undefined;
    await machine?.[Symbol.asyncDispose]();
  };

  return {
    async take(request) {
      // One that has ended since the last job is of no use to this one.
      if (held !== undefined && (await settledWithin(held.machine.ended, 0))) await end();
      if (held === undefined) return start(request);
      held.console.attach(request.listener);
      return { ...held, shared: true };
    },
    get console() {
      return console;
    },
    takeFaults() {
      const faults = console?.faultsSince(judgedLines) ?? [];
      judgedLines = console?.log.lineCount ?? 0;
      return faults;
    },
    [Symbol.asyncDispose]: end,
  };
}
