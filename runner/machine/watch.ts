/** A guest under observation: its console is read, a panic is noticed, its connections find their listener. */
import type { Duplex } from 'node:stream';
import { createCleanup } from '../cleanup.js';
import { deferred, settledWithin } from '../deadline.js';
import type { CreateGuest, Guest, GuestSpec, RequestOptions } from '../engine/guest.js';
import { type ConsoleLog, createConsoleLog } from './console-log.js';
import type { MachineEnd } from './describe-end.js';

/** How long a kernel that panicked may take to end by itself before it is stopped. Milliseconds. */
const PANIC_GRACE_MS = 10_000;

export type AcceptStream = (stream: Duplex, peerPort: number) => void;

export interface WatchOptions {
  onConsole?: ((chunk: Buffer) => void) | undefined;
  onLog?: ((level: 'warning' | 'error', message: string) => void) | undefined;
  signal?: AbortSignal | undefined;
}

export interface GuestWatch extends AsyncDisposable {
  readonly guest: Guest;
  readonly console: ConsoleLog;
  /** Never rejects. */
  readonly ended: Promise<MachineEnd>;
  /** Accepts connections of the guest to the host's `port`, until disposed. */
  listen(port: number, onStream: AcceptStream, options?: RequestOptions): Promise<AsyncDisposable>;
}

export async function watchGuest(spec: GuestSpec, create: CreateGuest, options: WatchOptions): Promise<GuestWatch> {
  await using cleanup = createCleanup();
  const listeners = new Map<number, AcceptStream>();
  const panic = deferred<void>();
  let panicked = false;
  const notePanic = (): void => {
    panicked = true;
    panic.resolve();
  };
  const console = createConsoleLog({
    ...(options.onConsole === undefined ? {} : { sink: options.onConsole }),
    onPanic: notePanic,
  });
  const guest = await create(
    spec,
    {
      onConsole: console.write,
      onPanicked: notePanic,
      onLog: (level, message) => options.onLog?.(level, message),
      onAccept(port, peerPort, stream) {
        const listener = listeners.get(port);
        if (listener !== undefined) return listener(stream, peerPort);
        // Dialled just before the port was closed.
        stream.on('error', () => {}).destroy();
      },
    },
    { signal: options.signal },
  );
  cleanup.use(guest);
  void panic.promise.then(async () => {
    if (!(await settledWithin(guest.ended, PANIC_GRACE_MS))) await guest.stop();
  });
  const owned = cleanup.move();
  return {
    guest,
    console,
    ended: guest.ended.then((end) => ({ end, panicked: panicked || end.kind === 'panic' })),
    async listen(port, onStream, request) {
      if (listeners.has(port)) throw new Error(`port ${port} is listened on already`);
      listeners.set(port, onStream);
      await guest.listen(port, request).catch((error: unknown) => {
        listeners.delete(port);
        throw error;
      });
      return {
        async [Symbol.asyncDispose]() {
          listeners.delete(port);
          // A guest that has ended listens on nothing.
          await guest.unlisten(port).catch(() => {});
        },
      };
    },
    [Symbol.asyncDispose]: () => owned[Symbol.asyncDispose](),
  };
}
