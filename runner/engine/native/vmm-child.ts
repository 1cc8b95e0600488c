/** A process `vmtest-vmm` with its control channel, whatever it is told to be, and what it complained about. */
import { createCleanup } from '../../cleanup.js';
import { deferred, settledWithin } from '../../deadline.js';
import { VmtestError } from '../../errors.js';
import { type ChannelAddon, type Control, type ControlOptions, startControl } from './control.js';
import { lastWords } from './last-words.js';
import type { ProcessExit } from './native.js';
import { openStream, readAll } from './streams.js';

export interface ProcessAddon extends ChannelAddon {
  streamPair(): [number, number];
}

/** Disposing closes the channel, on which the process ends, and waits until it is gone. */
export interface VmmChild extends AsyncDisposable {
  readonly control: Control;
  /** Resolves when it is gone, with why in one line: its exit status and last words. Never rejects. */
  readonly gone: Promise<string>;
}

/** How long the process may take to end after its channel was closed, before it is killed. Milliseconds. */
export const EXIT_GRACE_MS = 10_000;
const SIGKILL = 9;

/** `file`: absolute path of `vmtest-vmm`. Throws `VMM_NOT_STARTED`. */
export async function startVmmChild(addon: ProcessAddon, options: Omit<ControlOptions, 'stderr'>): Promise<VmmChild> {
  await using cleanup = createCleanup();
  const [ours, theirs] = addon.streamPair();
  const stderr = openStream(ours);
  cleanup.defer(() => void stderr.destroy());
  const words = lastWords();
  const silent = readAll(stderr, words.add);
  const control = start(addon, options, theirs);
  const gone = deferred<string>();
  void control.closed.then(async (error) => {
    const exit = await control.exited;
    // It held the only other end, so the stream ends when its last words were read.
    await settledWithin(silent, EXIT_GRACE_MS);
    gone.resolve(`${error.message}${describeExit(exit)}${words.quote()}`);
  });
  cleanup.defer(async () => {
    control.close();
    if (!(await settledWithin(control.exited, EXIT_GRACE_MS))) control.kill(SIGKILL);
    await gone.promise;
  });
  const owned = cleanup.move();
  return { control, gone: gone.promise, [Symbol.asyncDispose]: () => owned[Symbol.asyncDispose]() };
}

function start(addon: ProcessAddon, options: Omit<ControlOptions, 'stderr'>, stderr: number): Control {
  try {
    return startControl(addon, { ...options, stderr });
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    const message = `cannot start ${options.file}: ${why}; build it with \`npm run build\``;
    throw new VmtestError('VMM_NOT_STARTED', message, { cause });
  } finally {
    addon.closeFd(stderr);
  }
}

function describeExit(exit: ProcessExit): string {
  if (exit.signal !== null) return ` (killed by signal ${exit.signal})`;
  return exit.code === 0 ? '' : ` (exit code ${exit.code})`;
}

/**
 * The error of a request to a process that is gone: `VMM_LOST`, because its end says what its channel cannot say any more.
 * Any other error as it is.
 */
export async function explainLoss(error: unknown, { gone }: VmmChild): Promise<unknown> {
  if (!(error instanceof VmtestError && error.code === 'CONTROL_CLOSED')) return error;
  return new VmtestError('VMM_LOST', await gone, { cause: error });
}
