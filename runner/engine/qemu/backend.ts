/** The guest's vsock device: a `vmtest-vmm` that QEMU reaches over vhost-user (docs/control-protocol.md). */
import { createCleanup } from '../../cleanup.js';
import { deferred, settledWithin } from '../../deadline.js';
import { VmtestError } from '../../errors.js';
import type { GuestEvents, RequestOptions } from '../guest.js';
import { type Control, startControl } from '../native/control.js';
import { decodeNothing, type VmmEvent } from '../native/control-messages.js';
import { describeExit, lastWords } from '../native/last-words.js';
import { openStream, readAll } from '../native/streams.js';
import type { ProcessAddon } from '../native/vmm-process.js';

export interface Backend extends AsyncDisposable {
  readonly control: Control;
  /** Gives it its end of the connection with QEMU; the descriptor stays the caller's. */
  attach(socket: number, request?: RequestOptions): Promise<void>;
  /**
   * Resolves when it serves the guest no more, after the guest's last bytes were handed on: with nothing when QEMU left,
   * else with why. Never rejects.
   */
  readonly finished: Promise<BackendFailure | undefined>;
}

export interface BackendFailure {
  /** The process itself was lost; otherwise it could not go on. */
  lost: boolean;
  message: string;
}

/** How long the process may take to end after its channel was closed, before it is killed. Milliseconds. */
const EXIT_GRACE_MS = 10_000;
const SIGKILL = 9;

/** Throws `VMM_NOT_STARTED`. */
export async function startBackend(
  addon: ProcessAddon,
  { vmm, events }: { vmm: string; events: GuestEvents },
): Promise<Backend> {
  await using cleanup = createCleanup();
  const finished = deferred<BackendFailure | undefined>();
  const [stderrOurs, stderrFd] = addon.streamPair();
  const stderr = openStream(stderrOurs);
  cleanup.defer(() => void stderr.destroy());
  const words = lastWords();
  const silent = readAll(stderr, words.add);

  const onEvent = (event: VmmEvent, fds: number[]): void => {
    if (event.event === 'vsock-accept') {
      events.onAccept(event.port, event.peer_port, openStream(fds[event.stream] as number));
    } else if (event.event === 'log') {
      events.onLog(event.level, event.message);
    } else if (event.event === 'ended') {
      finished.resolve(failureOf(event.reason));
    }
  };
  const control = start(addon, vmm, stderrFd, onEvent);
  void control.closed.then(async (error) => {
    const exit = await control.exited;
    await settledWithin(silent, EXIT_GRACE_MS);
    finished.resolve({ lost: true, message: `${error.message}${describeExit(exit)}${words.quote()}` });
  });
  cleanup.defer(async () => {
    control.close();
    if (!(await settledWithin(control.exited, EXIT_GRACE_MS))) control.kill(SIGKILL);
    await finished.promise;
  });
  const owned = cleanup.move();
  return {
    control,
    async attach(socket, request) {
      const attach = { type: 'attach', fields: { socket: 0 }, fds: [socket], reply: decodeNothing };
      try {
        await control.hello(request);
        await control.request(attach, request);
      } catch (error) {
        if (!(error instanceof VmtestError && error.code === 'CONTROL_CLOSED')) throw error;
        // The process says by its end what its channel cannot say any more.
        const failure = await finished.promise;
        throw new VmtestError('VMM_LOST', failure?.message ?? error.message, { cause: error });
      }
    },
    finished: finished.promise,
    [Symbol.asyncDispose]: () => owned[Symbol.asyncDispose](),
  };
}

type End = Extract<VmmEvent, { event: 'ended' }>['reason'];

function failureOf(reason: End): BackendFailure | undefined {
  if (reason.kind === 'front-end-gone') return undefined;
  return { lost: false, message: reason.kind === 'host-error' ? reason.message : reason.kind };
}

function start(
  addon: ProcessAddon,
  vmm: string,
  stderr: number,
  onEvent: (event: VmmEvent, fds: number[]) => void,
): Control {
  try {
    return startControl(addon, { file: vmm, args: ['--vhost-user-vsock'], env: [], stderr, onEvent });
  } catch (cause) {
    const message = `cannot start ${vmm}: ${(cause as Error).message}; build it with \`npm run build\``;
    throw new VmtestError('VMM_NOT_STARTED', message, { cause });
  } finally {
    addon.closeFd(stderr);
  }
}
