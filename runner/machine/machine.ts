/** A running guest whose agent answers: what tests hold in their hands. */
import type { Duplex } from 'node:stream';
import type { AgentClient, AgentHello, Capture, ExecOptions, ExecProcess, ExecResult } from '../agent/index.js';
import { settledWithin, withLimits } from '../deadline.js';
import type { GuestStats, RequestOptions } from '../engine/guest.js';
import { VmtestError } from '../errors.js';
import type { ConsoleLog } from './console-log.js';
import { agentLostError, guestEndError, type MachineEnd } from './describe-end.js';
import { endWaiters } from './end-waiters.js';
import type { AcceptStream, GuestWatch } from './watch.js';

/** Disposing kills the guest and waits until its process is gone. */
export interface Machine extends AsyncDisposable {
  /** `native` or `qemu`. */
  readonly engine: string;
  /** How many times slower than its host it runs: what time limits are to be multiplied by. 1 under the native engine. */
  readonly timeScale: number;
  /** The process on the host that runs the guest. */
  readonly pid: number;
  /** What the agent said of itself and its kernel. */
  readonly hello: AgentHello;
  readonly console: ConsoleLog;
  /** Resolves once, however the guest ends; never rejects. */
  readonly ended: Promise<MachineEnd>;
  /** Commands, files, the clock: no two at a time share a connection. */
  readonly agent: AgentClient;
  /**
   * Runs a command. Its `result` rejects with `VMTEST_GUEST_PANIC`, `VMTEST_GUEST_ENDED` or
   * `VMTEST_ENGINE` when the guest ends before the command does. Throws `VMTEST_PAUSED` between `pause` and
   * `resume`.
   */
  exec<C extends Capture = 'text'>(argv: readonly string[], options?: ExecOptions<C>): ExecProcess<C>;
  pause(options?: RequestOptions): Promise<void>;
  resume(options?: RequestOptions): Promise<void>;
  stats(options?: RequestOptions): Promise<GuestStats>;
  /** Connects to a vsock port of the guest. */
  connect(port: number, options?: RequestOptions): Promise<Duplex>;
  /** Accepts connections of the guest to a vsock port of the host, until disposed. */
  listen(port: number, onStream: AcceptStream, options?: RequestOptions): Promise<AsyncDisposable>;
  /** Writes file systems back and powers the guest off; resolves when it has ended. `VMTEST_PAUSED` when paused. */
  powerOff(options?: RequestOptions): Promise<MachineEnd>;
  /** Kills the guest; resolves when it has ended. It stays known (`stats`) until it is disposed of. */
  stop(): Promise<MachineEnd>;
}

/** How long the result of a command may still be on its way when the guest has ended. Milliseconds. */
const LATE_RESULT_MS = 2000;
/** A guest that reboots breaks its connections long before it ends: how long to wait for the reason. Milliseconds. */
const LATE_END_MS = 30_000;

const isLost = (error: unknown): boolean => error instanceof VmtestError && error.code === 'VMTEST_AGENT_LOST';

/** What is known of a guest when its agent has answered. */
export interface GuestFacts {
  hello: AgentHello;
  timeScale: number;
}

export function createMachine(watch: GuestWatch, agent: AgentClient, { hello, timeScale }: GuestFacts): Machine {
  const { guest, console, ended } = watch;
  let paused = false;
  /** A guest that stands still answers nobody: told at once, and not after a time limit. */
  const checkRunning = (what: string): void => {
    if (paused) throw new VmtestError('VMTEST_PAUSED', `cannot ${what}: the machine is paused; resume it first`);
  };

  const waitForEnd = endWaiters(ended);
  const resultOf = async <C extends Capture>(process: ExecProcess<C>): Promise<ExecResult<C>> => {
    const tooEarly = (end: MachineEnd) => guestEndError(end, console, 'while the command ran');
    const waiter = waitForEnd();
    const overtaken = waiter.end.then(async (end) => {
      if (await settledWithin(process.result, LATE_RESULT_MS)) return process.result;
      throw tooEarly(end);
    });
    try {
      return await Promise.race([process.result, overtaken]);
    } catch (error) {
      // Connections break when the guest ends: then its end is the reason.
      if (!isLost(error)) throw error;
      if (await settledWithin(ended, LATE_END_MS)) throw tooEarly(await ended);
      throw agentLostError(error, console);
    } finally {
      waiter.forget();
    }
  };

  return {
    engine: guest.engine,
    timeScale,
    pid: guest.pid,
    hello,
    console,
    ended,
    agent,
    exec(argv, options) {
      checkRunning('run a command');
      const process = agent.exec(argv, options);
      const result = resultOf(process);
      // Whoever asks for it gets the error; one that nobody asks for must not end the process.
      result.catch(() => {});
      return { ...process, result };
    },
    async pause(options) {
      await guest.pause(options);
      paused = true;
    },
    async resume(options) {
      await guest.resume(options);
      paused = false;
    },
    stats: (options) => guest.stats(options),
    connect: (port, options) => guest.connect(port, options),
    listen: (port, onStream, options) => watch.listen(port, onStream, options),
    async powerOff(options = {}) {
      checkRunning('power off');
      await agent.powerOff(options).catch(async (error: unknown) => {
        // The answer is lost when the guest is faster than its agent's last words.
        if (!isLost(error) || !(await settledWithin(ended, LATE_END_MS))) throw error;
      });
      return withLimits(ended, { signal: options.signal });
    },
    async stop() {
      await guest.stop();
      return ended;
    },
    [Symbol.asyncDispose]: () => watch[Symbol.asyncDispose](),
  };
}
