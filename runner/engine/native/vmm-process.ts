/** One `vmtest-vmm`: the process, its control channel, its console and what it complained about. */
import { createCleanup } from '../../cleanup.js';
import { deferred, settledWithin } from '../../deadline.js';
import type { GuestEnd, GuestEvents } from '../guest.js';
import type { VmmEvent } from './control-messages.js';
import { drain, openStream, readAll } from './streams.js';
import { EXIT_GRACE_MS, type ProcessAddon, startVmmChild, type VmmChild } from './vmm-child.js';

export interface VmmProcessOptions {
  /** Absolute path of `vmtest-vmm`. */
  vmm: string;
  events: GuestEvents;
  /** The environment of `vmtest-vmm`, as `NAME=value`. Default: none; it needs nothing of ours. */
  env?: readonly string[];
}

/** Disposing closes the channel, on which the process ends, and waits until it is gone. */
export interface VmmProcess extends AsyncDisposable {
  readonly child: VmmChild;
  /** The other end of the console, for the guest; ours to close once the process has it. */
  readonly consoleFd: number;
  closeConsoleFd(): void;
  /** How the guest ended, after its last console bytes; `killed` when the process was disposed of first. */
  readonly ended: Promise<GuestEnd>;
}

/** Throws `VMM_NOT_STARTED`. */
export async function startVmmProcess(addon: ProcessAddon, options: VmmProcessOptions): Promise<VmmProcess> {
  const { vmm, events, env = [] } = options;
  await using cleanup = createCleanup();
  const ended = deferred<GuestEnd>();
  let disposed = false;

  const [consoleOurs, consoleFd] = addon.streamPair();
  const console = openStream(consoleOurs);
  cleanup.defer(() => void console.destroy());
  const closeConsoleFd = once(() => addon.closeFd(consoleFd));
  cleanup.defer(closeConsoleFd);
  const heard = readAll(console, events.onConsole);
  const onEnded = (end: GuestEnd): void => void drain(console).then(() => ended.resolve(end));
  const onEvent = (event: VmmEvent, fds: number[]): void => dispatch(event, fds, events, onEnded);
  const child = await startVmmChild(addon, { file: vmm, args: [], env, onEvent });

  void child.gone.then(async (message) => {
    closeConsoleFd();
    // The process held the only other end, so the stream ends when the last bytes were read.
    await settledWithin(heard, EXIT_GRACE_MS);
    ended.resolve(disposed ? { kind: 'killed' } : { kind: 'engine-lost', process: 'vmtest-vmm', message });
  });
  cleanup.defer(async () => {
    disposed = true;
    await child[Symbol.asyncDispose]();
    await ended.promise;
  });
  const owned = cleanup.move();
  return {
    child,
    consoleFd,
    closeConsoleFd,
    ended: ended.promise,
    [Symbol.asyncDispose]: () => owned[Symbol.asyncDispose](),
  };
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
