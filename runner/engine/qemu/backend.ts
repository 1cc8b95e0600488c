/** The guest's vsock device: a `vmtest-vmm` that QEMU reaches over vhost-user (docs/control-protocol.md). */
import { deferred } from '../../deadline.js';
import type { GuestEvents, RequestOptions } from '../guest.js';
import type { Control } from '../native/control.js';
import { decodeNothing, type VmmEvent } from '../native/control-messages.js';
import { openStream } from '../native/streams.js';
import { explainLoss, type ProcessAddon, startVmmChild } from '../native/vmm-child.js';

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

/** Throws `VMM_NOT_STARTED`. */
export async function startBackend(
  addon: ProcessAddon,
  { vmm, events }: { vmm: string; events: GuestEvents },
): Promise<Backend> {
  const finished = deferred<BackendFailure | undefined>();
  const onEvent = (event: VmmEvent, fds: number[]): void => {
    if (event.event === 'vsock-accept') {
      events.onAccept(event.port, event.peer_port, openStream(fds[event.stream] as number));
    } else if (event.event === 'log') {
      events.onLog(event.level, event.message);
    } else if (event.event === 'ended') {
      finished.resolve(failureOf(event.reason));
    }
  };
  const child = await startVmmChild(addon, { file: vmm, args: ['--vhost-user-vsock'], env: [], onEvent });
  void child.gone.then((message) => finished.resolve({ lost: true, message }));
  const { control } = child;
  return {
    control,
    async attach(socket, request) {
      const attach = { type: 'attach', fields: { socket: 0 }, fds: [socket], reply: decodeNothing };
      try {
        await control.hello(request);
        await control.request(attach, request);
      } catch (error) {
        throw await explainLoss(error, child);
      }
    },
    finished: finished.promise,
    [Symbol.asyncDispose]: () => child[Symbol.asyncDispose](),
  };
}

type End = Extract<VmmEvent, { event: 'ended' }>['reason'];

function failureOf(reason: End): BackendFailure | undefined {
  if (reason.kind === 'front-end-gone') return undefined;
  return { lost: false, message: reason.kind === 'host-error' ? reason.message : reason.kind };
}
