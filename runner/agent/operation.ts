import type { Duplex } from 'node:stream';

import { canceledError, errorFromFrame, lostError, protocolError, stallError, timeoutError } from './agent-error.js';
import { type Frame, FrameDecoder, frameHeader } from './codec.js';
import { FrameType } from './protocol.js';

/** Opens a fresh stream to the agent's port in the guest. */
export type Connect = (signal?: AbortSignal) => Promise<Duplex>;

export interface OperationOptions {
  /** Gives the operation up; it then fails with `VMTEST_AGENT_CANCELED`. */
  signal?: AbortSignal | undefined;
  /** Milliseconds for the whole operation; it then fails with `VMTEST_AGENT_TIMEOUT`. Default: none. */
  timeoutMs?: number | undefined;
  /**
   * Milliseconds that the guest may go without taking or sending anything; the operation then fails with
   * `VMTEST_AGENT_TIMEOUT`. Fits a transfer, whose length nobody knows. Default: none.
   */
  stallMs?: number | undefined;
}

/**
 * One operation on one connection, for everything but exec: frames are pulled, so a stream is read no faster than its
 * contents are used, and sending waits while the stream is full.
 */
export class Operation implements AsyncDisposable {
  readonly #name: string;
  readonly #stream: Duplex;
  readonly #chunks: AsyncIterator<Buffer>;
  readonly #decoder = new FrameDecoder();
  readonly #options: OperationOptions;
  readonly #timeout: AbortSignal | undefined;
  #stalled = false;
  readonly #timers = new Set<NodeJS.Timeout>();
  readonly #onAbort = (): void => void this.#stream.destroy();

  private constructor(name: string, stream: Duplex, options: OperationOptions, timeout: AbortSignal | undefined) {
    this.#name = name;
    this.#stream = stream;
    this.#options = options;
    this.#timeout = timeout;
    // Errors reach the caller through read and send; without a listener they would end the process.
    stream.on('error', () => {});
    this.#chunks = stream.iterator({ destroyOnReturn: false }) as AsyncIterator<Buffer>;
    options.signal?.addEventListener('abort', this.#onAbort);
    timeout?.addEventListener('abort', this.#onAbort);
    if (options.signal?.aborted === true || timeout?.aborted === true) this.#onAbort();
  }

  /** Connects. `name` says in error messages what was being done. */
  static async open(name: string, connect: Connect, options: OperationOptions): Promise<Operation> {
    const timeout = options.timeoutMs === undefined ? undefined : AbortSignal.timeout(options.timeoutMs);
    const stall = options.stallMs === undefined ? undefined : AbortSignal.timeout(options.stallMs);
    const signals = [options.signal, timeout, stall].filter((signal) => signal !== undefined);
    let stream: Duplex;
    try {
      options.signal?.throwIfAborted();
      stream = await connect(signals.length === 0 ? undefined : AbortSignal.any(signals));
    } catch (error) {
      throw reasonFor(name, options, timeout, stall?.aborted) ?? lostError(name, error);
    }
    return new Operation(name, stream, options, timeout);
  }

  /** Uses a stream that is already there. */
  static adopt(name: string, stream: Duplex, options: OperationOptions): Operation {
    const timeout = options.timeoutMs === undefined ? undefined : AbortSignal.timeout(options.timeoutMs);
    return new Operation(name, stream, options, timeout);
  }

  /** The next frame. An ERROR frame is thrown as the error that it describes. */
  async read(): Promise<Frame> {
    while (true) {
      const frame = this.#decoder.next();
      if (frame?.type === FrameType.error) throw errorFromFrame(this.#name, frame.payload);
      if (frame !== undefined) return frame;
      let chunk: IteratorResult<Buffer>;
      try {
        chunk = await this.#watched(this.#chunks.next());
      } catch (error) {
        throw this.#lost(error);
      }
      if (chunk.done === true) throw this.#lost();
      this.#decoder.push(chunk.value);
    }
  }

  /** The answer OK, which ends an operation. */
  async readOk(): Promise<void> {
    const frame = await this.read();
    if (frame.type !== FrameType.ok || frame.payload.length > 0) {
      throw protocolError(`a frame of type ${frame.type} in place of the answer`);
    }
  }

  /** Sends bytes that are whole frames, and waits while the stream is full. */
  async send(bytes: Buffer): Promise<void> {
    if (this.#stream.destroyed) throw this.#lost();
    if (!this.#stream.write(bytes)) await this.#watched(this.#drained());
  }

  /** Sends one DATA frame. The bytes must not change afterwards. */
  async sendData(bytes: Buffer): Promise<void> {
    if (this.#stream.destroyed) throw this.#lost();
    this.#stream.cork();
    this.#stream.write(frameHeader(FrameType.data, bytes.length));
    const room = this.#stream.write(bytes);
    this.#stream.uncork();
    if (!room) await this.#watched(this.#drained());
  }

  /** Stops the deadline and the signal from touching the stream any more. */
  release(): Duplex {
    this.#options.signal?.removeEventListener('abort', this.#onAbort);
    this.#timeout?.removeEventListener('abort', this.#onAbort);
    return this.#stream;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.release().destroy();
  }

  /** Time counts only while the guest is waited for, not while this side is busy with a file. */
  async #watched<T>(progress: Promise<T>): Promise<T> {
    const { stallMs } = this.#options;
    if (stallMs === undefined) return progress;
    const timer = setTimeout(() => {
      this.#stalled = true;
      this.#stream.destroy();
    }, stallMs);
    this.#timers.add(timer);
    try {
      return await progress;
    } finally {
      clearTimeout(timer);
      this.#timers.delete(timer);
      // An answer may be waited for while data is sent: whatever moves, the guest is alive.
      for (const other of this.#timers) other.refresh();
    }
  }

  #drained(): Promise<void> {
    const stream = this.#stream;
    return new Promise((resolve, reject) => {
      const settle = (): void => {
        stream.off('drain', settle);
        stream.off('close', settle);
        if (stream.destroyed) reject(this.#lost());
        else resolve();
      };
      stream.on('drain', settle);
      stream.on('close', settle);
      if (stream.destroyed) settle();
    });
  }

  #lost(cause?: unknown): Error {
    return reasonFor(this.#name, this.#options, this.#timeout, this.#stalled) ?? lostError(this.#name, cause);
  }
}

function reasonFor(
  name: string,
  options: OperationOptions,
  timeout: AbortSignal | undefined,
  stalled: boolean | undefined,
): Error | undefined {
  if (options.signal?.aborted === true) return canceledError(name, options.signal.reason);
  if (timeout?.aborted === true) return timeoutError(name, options.timeoutMs ?? 0);
  if (stalled === true) return stallError(name, options.stallMs ?? 0);
  return undefined;
}
