/** One `vmtest-vmm`: the process, its control channel, its console and what it complained about. */
import { createCleanup } from '../../cleanup.js';
import { deferred, settledWithin } from '../../deadline.js';
import { VmtestError } from '../../errors.js';
import type { GuestEnd, GuestEvents } from '../guest.js';
import { type ChannelAddon, type Control, startControl } from './control.js';
import type { VmmEvent } from './control-messages.js';
import { describeExit, lastWords } from './last-words.js';
import { drain, openStream, readAll } from './streams.js';

export interface ProcessAddon extends ChannelAddon {
  streamPair(): [number, number];
}

export interface VmmProcessOptions {
  /** Absolute path of `vmtest-vmm`. */
  vmm: string;
  events: GuestEvents;
  /** The environment of `vmtest-vmm`, as `NAME=value`. Default: none; it needs nothing of ours. */
  env?: readonly string[];
}

/** Disposing closes the channel, on which the process ends, and waits until it is gone. */
export interface VmmProcess extends AsyncDisposable {
  readonly control: Control;
  /** The other end of the console, for the guest; ours to close once the process has it. */
  readonly consoleFd: number;
  closeConsoleFd(): void;
  /** How the guest ended, after its last console bytes; `killed` when the process was disposed of first. */
  readonly ended: Promise<GuestEnd>;
}

/** How long the process may take to end after its channel was closed, before it is killed. Milliseconds. */
const EXIT_GRACE_MS = 10_000;
const SIGKILL = 9;

/** Throws `VMM_NOT_STARTED`. */
export async function startVmmProcess(addon: ProcessAddon, options: VmmProcessOptions): Promise<VmmProcess> {
  await using cleanup = createCleanup();
  const ended = deferred<GuestEnd>();
  let disposed = false;

  const [consoleOurs, consoleFd] = addon.streamPair();
  const console = openStream(consoleOurs);
  cleanup.defer(() => void console.destroy());
  const closeConsoleFd = once(() => addon.closeFd(consoleFd));
  cleanup.defer(closeConsoleFd);
  const [stderrOurs, stderrFd] = addon.streamPair();
  const stderr = openStream(stderrOurs);
  cleanup.defer(() => void stderr.destroy());

  const words = lastWords();
  const outputEnded = Promise.all([readAll(console, options.events.onConsole), readAll(stderr, words.add)]);
  const onEnded = (end: GuestEnd): void => void drain(console).then(() => ended.resolve(end));
  const control = startControlOf(addon, options, stderrFd, onEnded);

  void control.closed.then(async (error) => {
    const exit = await control.exited;
    closeConsoleFd();
    // The process held the only other ends, so the streams end when the last bytes were read.
    await settledWithin(outputEnded, EXIT_GRACE_MS);
    if (disposed) return ended.resolve({ kind: 'killed' });
    // It was lost: its exit status and last words say more than the channel.
    const message = `${error.message}${describeExit(exit)}${words.quote()}`;
    ended.resolve({ kind: 'engine-lost', process: 'vmtest-vmm', message });
  });
  cleanup.defer(async () => {
    disposed = true;
    control.close();
    if (!(await settledWithin(control.exited, EXIT_GRACE_MS))) control.kill(SIGKILL);
    await ended.promise;
  });
  const owned = cleanup.move();
  return {
    control,
    consoleFd,
    closeConsoleFd,
    ended: ended.promise,
    [Symbol.asyncDispose]: () => owned[Symbol.asyncDispose](),
  };
}

function startControlOf(
  addon: ProcessAddon,
  { vmm, events, env = [] }: VmmProcessOptions,
  stderrFd: number,
  onEnded: (end: GuestEnd) => void,
): Control {
  const onEvent = (event: VmmEvent, fds: number[]): void => dispatch(event, fds, events, onEnded);
  try {
    return startControl(addon, { file: vmm, args: [], env, stderr: stderrFd, onEvent });
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    const message = `cannot start ${vmm}: ${why}; build it with \`npm run build\``;
    throw new VmtestError('VMM_NOT_STARTED', message, { cause });
  } finally {
    addon.closeFd(stderrFd);
  }
}

function dispatch(event: VmmEvent, fds: number[], events: GuestEvents, onEnded: (end: GuestEnd) => void): void {
  switch (event.event) {
    case 'vsock-accept':
      events.onAccept(event.port, event.peer_port, openStream(fds[event.stream] as number));
      break;
    case 'panicked':
      events.onPanicked();
      break;
    case 'log':
      events.onLog(event.level, event.message);
      break;
    case 'ended':
      // What only a back-end says would be its mistake.
      if (event.reason.kind !== 'front-end-gone') onEnded(event.reason);
      break;
  }
}

function once(act: () => void): () => void {
  let done = false;
  return () => {
    if (!done) act();
    done = true;
  };
}
