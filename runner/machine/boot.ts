/** From a description of a guest to a machine whose agent answers, or to the reason why there is none. */
import type { Duplex } from 'node:stream';
import { AGENT_PORT, AgentClient } from '../agent/index.js';
import { createCleanup } from '../cleanup.js';
import { abortReason, deferred, settledWithin, withLimits } from '../deadline.js';
import type { CreateGuest, GuestSpec } from '../engine/guest.js';
import { VmtestError } from '../errors.js';
import { bootTimeoutError, guestEndError, type MachineEnd } from './describe-end.js';
import { createMachine, type Machine } from './machine.js';
import { type ScaledLimit, scaledLimit } from './scaled-limit.js';
import { type GuestWatch, type WatchOptions, watchGuest } from './watch.js';

/** How long the news of the guest's end may come after its connections broke. Milliseconds. */
const LATE_END_MS = 1000;

export interface BootOptions extends WatchOptions {
  /** From the start of the guest until the agent is ready, milliseconds on a guest of the host's own speed. */
  timeoutMs: number;
  /** How many times slower than its host the guest runs: the limit is so much longer. Default: 1. */
  timeScale?: number;
}

/**
 * Boots a machine. Fails with `VMTEST_BOOT_TIMEOUT`, `VMTEST_GUEST_PANIC`, `VMTEST_GUEST_ENDED` or
 * `VMTEST_ENGINE`, whose context has the last console lines; with what the engine refused; or with the
 * reason of the signal. When it fails, nothing is left.
 */
export async function bootMachine(spec: GuestSpec, create: CreateGuest, options: BootOptions): Promise<Machine> {
  await using cleanup = createCleanup();
  const watch = cleanup.use(await watchGuest(spec, create, options));
  try {
    const machine = await untilReady(watch, options);
    cleanup.move();
    return machine;
  } catch (error) {
    // Connections break when the guest ends: then its end is the reason.
    const end = (await settledWithin(watch.ended, LATE_END_MS)) ? await watch.ended : undefined;
    await watch[Symbol.asyncDispose]();
    if (options.signal?.aborted) throw abortReason(options.signal);
    throw explain(error, end, await watch.ended, watch, options);
  }
}

async function untilReady(watch: GuestWatch, options: BootOptions): Promise<Machine> {
  const { guest } = watch;
  const { signal, timeScale = 1 } = options;
  const { ms: timeoutMs, text } = limitOf(options);
  const dialled = deferred<Duplex>();
  await watch.listen(AGENT_PORT, (stream) => dialled.resolve(stream), { signal });
  await guest.start({ signal });
  const agent = new AgentClient({ connect: (limit) => guest.connect(AGENT_PORT, { signal: limit }) });
  const hello = dialled.promise.then((stream) => agent.waitReady(stream));
  const lost = watch.ended.then(() => Promise.reject(new Error('the guest ended')));
  const onTimeout = () => bootTimeoutError(text, watch.console);
  const ready = await withLimits(Promise.race([hello, lost]), { timeoutMs, onTimeout, signal });
  return createMachine(watch, agent, { hello: ready, timeScale });
}

const limitOf = ({ timeoutMs, timeScale = 1 }: BootOptions): ScaledLimit => scaledLimit(timeoutMs, timeScale);

/** `end` is how the guest ended by itself, `last` how it ended at all. */
function explain(
  error: unknown,
  end: MachineEnd | undefined,
  last: MachineEnd,
  { console }: GuestWatch,
  options: BootOptions,
): unknown {
  const when = 'before it was ready';
  if (end !== undefined) return guestEndError(end, console, when);
  if (last.panicked || console.panic !== undefined) return guestEndError({ ...last, panicked: true }, console, when);
  const timedOut = error instanceof VmtestError && error.code === 'VMTEST_BOOT_TIMEOUT';
  return timedOut ? bootTimeoutError(limitOf(options).text, console) : error;
}
