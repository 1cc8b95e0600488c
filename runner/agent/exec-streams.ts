import { Readable, Writable } from 'node:stream';

import { MAX_PAYLOAD, OUTPUT_WINDOW } from './protocol.js';

/**
 * One output stream of a command. What arrives waits in a queue of at most one window; a chunk's credit goes back to
 * the agent when the consumer takes it, so a stream that nobody reads stops its command and nothing else.
 */
export class OutputStream extends Readable {
  readonly #grant: (bytes: number) => void;
  readonly #queue: Buffer[] = [];
  #wanted = false;
  #finished = false;
  #credit = OUTPUT_WINDOW;
  #taken = 0;

  /** `grant` sends a WINDOW for this stream. */
  constructor(grant: (bytes: number) => void) {
    super({ highWaterMark: MAX_PAYLOAD });
    this.#grant = grant;
  }

  /** False when the agent sent more than it was granted. */
  deliver(chunk: Buffer): boolean {
    if (chunk.length > this.#credit || this.#finished) return false;
    this.#credit -= chunk.length;
    if (this.destroyed) this.#take(chunk.length);
    else if (chunk.length > 0) this.#queue.push(chunk);
    this.#drain();
    return true;
  }

  /** No more will come. */
  finish(): void {
    if (this.#finished) return;
    this.#finished = true;
    this.#drain();
  }

  override _read(): void {
    this.#wanted = true;
    this.#drain();
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    // A consumer that turns away does not stop the command: the rest is read and dropped.
    for (const chunk of this.#queue.splice(0)) this.#take(chunk.length);
    callback(error);
  }

  #drain(): void {
    while (this.#wanted) {
      const chunk = this.#queue.shift();
      if (chunk === undefined) break;
      this.#take(chunk.length);
      this.#wanted = this.push(chunk);
    }
    if (this.#finished && this.#queue.length === 0 && !this.destroyed) this.push(null);
  }

  #take(bytes: number): void {
    this.#taken += bytes;
    // One WINDOW for many small chunks, in good time before the agent runs out.
    if (!this.#finished && this.#taken >= OUTPUT_WINDOW / 4) {
      this.#credit += this.#taken;
      this.#grant(this.#taken);
      this.#taken = 0;
    }
  }
}

export interface InputTransport {
  /** Sends STDIN; calls back when the connection has room again. */
  sendInput(bytes: Buffer, done: () => void): void;
  sendInputEof(): void;
}

/**
 * A command's standard input. Sends no more than the agent has granted. When the command closes its input, the rest is
 * accepted and dropped, as a shell's pipeline does, without an EPIPE error.
 */
export class InputStream extends Writable {
  readonly #transport: InputTransport;
  #window = 0;
  #closed = false;
  #rest: Buffer | undefined;
  #callback: ((error?: Error | null) => void) | undefined;
  #sending = false;

  constructor(transport: InputTransport) {
    super({ highWaterMark: MAX_PAYLOAD });
    this.#transport = transport;
  }

  /** The agent can take so many more bytes. */
  grant(bytes: number): void {
    this.#window += bytes;
    this.#pump();
  }

  /** The command reads no more, or has ended. */
  close(): void {
    this.#closed = true;
    this.#pump();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: (error?: Error | null) => void): void {
    this.#rest = chunk;
    this.#callback = callback;
    this.#pump();
  }

  override _final(callback: (error?: Error | null) => void): void {
    this.#sendEof();
    callback();
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    // What was not sent yet never will be; the command is told that no more comes.
    this.#rest = undefined;
    this.#sendEof();
    callback(error);
  }

  #sendEof(): void {
    if (!this.#closed) this.#transport.sendInputEof();
    this.#closed = true;
  }

  #pump(): void {
    const rest = this.#rest;
    if (rest === undefined || this.#sending) return;
    if (this.#closed || rest.length === 0) {
      const callback = this.#callback;
      this.#rest = undefined;
      this.#callback = undefined;
      callback?.();
      return;
    }
    const size = Math.min(rest.length, this.#window, MAX_PAYLOAD);
    if (size === 0) return;
    this.#window -= size;
    this.#rest = rest.subarray(size);
    this.#sending = true;
    this.#transport.sendInput(rest.subarray(0, size), () => {
      this.#sending = false;
      this.#pump();
    });
  }
}
