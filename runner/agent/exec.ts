import type { Duplex, Readable, Writable } from 'node:stream';
import { finished } from 'node:stream/promises';

import { canceledError, errorFromFrame, lostError, protocolError } from './agent-error.js';
import { type Frame, FrameBuilder, FrameDecoder, frameHeader, PayloadReader } from './codec.js';
import type { ExecConnections } from './exec-connections.js';
import {
  type Capture,
  checkedSize,
  DEFAULT_FORCE_KILL_MS,
  DEFAULT_LOST_MS,
  DEFAULT_MAX_CAPTURE,
  type ExecOptions,
  execRequest,
  wantsStdin,
} from './exec-options.js';
import { CaptureBuffer, captured, type ExecResult, signalName, signalNumber } from './exec-result.js';
import { InputStream, OutputStream } from './exec-streams.js';
import { FrameType, OUTPUT_WINDOW } from './protocol.js';

export type { Capture, ExecOptions, ExecResult };

/** A command in the guest. */
export interface ExecProcess<C extends Capture = Capture> {
  /** Without `stdin: 'pipe'` it takes everything and drops it. */
  readonly stdin: Writable;
  readonly stdout: Readable;
  /** Empty for a command on a terminal. */
  readonly stderr: Readable;
  /** Process id in the guest, once the program runs. Rejected like `result` when it never does. */
  readonly started: Promise<number>;
  /** Rejected with `VMTEST_AGENT_EXEC` when the command cannot be started, `VMTEST_AGENT_LOST` when the guest is gone. */
  readonly result: Promise<ExecResult<C>>;
  /** Sends a signal to the command's process group; does nothing once it has ended. Default: SIGTERM. */
  kill(signal?: NodeJS.Signals | number): void;
  /** For a command on a terminal. */
  resize(rows: number, cols: number): void;
}

type Ending = Pick<ExecResult, 'exitCode' | 'signal' | 'signalName' | 'coreDumped' | 'outputHeldOpen' | 'lost'>;

const LOST: Ending = {
  exitCode: undefined,
  signal: undefined,
  signalName: undefined,
  coreDumped: false,
  outputHeldOpen: false,
  lost: true,
};

class Deferred<T> {
  readonly promise: Promise<T>;
  resolve!: (value: T) => void;
  reject!: (reason: unknown) => void;

  constructor() {
    this.promise = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
    // Whoever asks for it gets the error; one that nobody asks for must not end the process.
    this.promise.catch(() => {});
  }
}

class ExecSession<C extends Capture> {
  readonly stdin: InputStream;
  readonly stdout: OutputStream;
  readonly stderr: OutputStream;
  readonly result: Promise<ExecResult<C>>;

  readonly #connections: ExecConnections;
  readonly #argv: readonly string[];
  readonly #options: ExecOptions<C>;
  readonly #began = performance.now();
  readonly #started = new Deferred<number>();
  readonly #ended = new Deferred<Ending>();
  readonly #connecting = new AbortController();
  readonly #decoder = new FrameDecoder();
  readonly #timers = new Set<NodeJS.Timeout>();
  readonly #onError = (error: Error): void => this.#fail(lostError(this.#name(), error));
  readonly #onEnd = (): void => this.#fail(lostError(this.#name()));
  readonly #onData = (chunk: Buffer): void => this.#receive(chunk);
  readonly #onAbort = (): void => this.#stop('isCanceled');
  readonly #stopped = { timedOut: false, isCanceled: false };
  #stream: Duplex | undefined;
  /** Control frames from before the connection stood. */
  #waiting: Buffer[] = [];
  #over = false;

  constructor(connections: ExecConnections, argv: readonly string[], options: ExecOptions<C>) {
    const request = execRequest(argv, options);
    this.#connections = connections;
    this.#argv = [...argv];
    this.#options = options;
    this.stdout = new OutputStream((bytes) => this.#grant(1, bytes));
    this.stderr = new OutputStream((bytes) => this.#grant(2, bytes));
    this.stdin = new InputStream(this);
    if (!wantsStdin(options)) this.stdin.close();
    this.result = this.#collect();
    this.result.catch(() => {});
    options.signal?.addEventListener('abort', this.#onAbort);
    if (options.signal?.aborted === true) this.#onAbort();
    if (options.timeoutMs !== undefined) this.#after(options.timeoutMs, () => this.#stop('timedOut'));
    if (!this.#over) void this.#connect(request);
    this.#feed();
  }

  get started(): Promise<number> {
    return this.#started.promise;
  }

  kill(signal: NodeJS.Signals | number = 'SIGTERM'): void {
    this.#send(new FrameBuilder(FrameType.signal).u32(signalNumber(signal)).build());
  }

  resize(rows: number, cols: number): void {
    const size = checkedSize({ rows, cols });
    if (this.#options.pty !== undefined) {
      this.#send(new FrameBuilder(FrameType.resize).u16(size.rows).u16(size.cols).build());
    }
  }

  /** For InputStream. */
  sendInput(bytes: Buffer, done: () => void): void {
    const stream = this.#stream;
    if (stream === undefined || stream.destroyed) {
      done();
      return;
    }
    stream.cork();
    stream.write(frameHeader(FrameType.stdin, bytes.length));
    stream.write(bytes, () => done());
    stream.uncork();
  }

  /** For InputStream. */
  sendInputEof(): void {
    this.#send(new FrameBuilder(FrameType.stdinEof).build());
  }

  async #connect(request: Buffer): Promise<void> {
    let stream: Duplex;
    try {
      stream = await this.#connections.take(this.#connecting.signal);
    } catch (error) {
      this.#fail(lostError(this.#name(), error));
      return;
    }
    if (this.#over) {
      stream.destroy();
      return;
    }
    this.#stream = stream;
    stream.on('error', this.#onError).on('close', this.#onEnd).on('end', this.#onEnd).on('data', this.#onData);
    stream.write(request);
    for (const frame of this.#waiting.splice(0)) stream.write(frame);
  }

  #receive(chunk: Buffer): void {
    try {
      this.#decoder.push(chunk);
      for (let frame = this.#decoder.next(); frame !== undefined && !this.#over; frame = this.#decoder.next()) {
        this.#handle(frame);
      }
    } catch (error) {
      this.#fail(error);
    }
  }

  #handle({ type, payload }: Frame): void {
    const reader = new PayloadReader(payload);
    switch (type) {
      case FrameType.started:
        this.#started.resolve(reader.u32());
        this.stdin.grant(reader.u32());
        break;
      case FrameType.stdout:
      case FrameType.stderr:
        if (!(type === FrameType.stdout ? this.stdout : this.stderr).deliver(payload)) {
          throw protocolError('more output than was granted');
        }
        return;
      case FrameType.outputEof:
        (reader.u8() === 1 ? this.stdout : this.stderr).finish();
        break;
      case FrameType.window:
        if (reader.u8() !== 0) throw protocolError('a window for an output stream');
        this.stdin.grant(reader.u32());
        break;
      case FrameType.stdinClosed:
        this.stdin.close();
        break;
      case FrameType.exit:
        this.#exited(reader);
        break;
      case FrameType.error:
        throw errorFromFrame(this.#name(), payload);
      default:
        throw protocolError(`a frame of type ${type} during a command`);
    }
    reader.end();
  }

  #exited(reader: PayloadReader): void {
    const signalled = reader.u8() === 1;
    const value = reader.u32();
    const coreDumped = reader.u8() === 1;
    const outputHeldOpen = reader.u8() === 1;
    reader.end();
    this.#settle({
      exitCode: signalled ? undefined : value,
      signal: signalled ? value : undefined,
      signalName: signalled ? signalName(value) : undefined,
      coreDumped,
      outputHeldOpen,
      lost: false,
    });
  }

  #send(frame: Buffer): void {
    if (this.#over) return;
    if (this.#stream === undefined) this.#waiting.push(frame);
    else if (!this.#stream.destroyed) this.#stream.write(frame);
  }

  #grant(stream: number, bytes: number): void {
    this.#send(new FrameBuilder(FrameType.window).u8(stream).u32(Math.min(bytes, OUTPUT_WINDOW)).build());
  }

  /** Timeout and abort: a polite signal, then SIGKILL, then the guest is taken for dead. */
  #stop(reason: 'timedOut' | 'isCanceled'): void {
    if (this.#over || this.#stopped.timedOut || this.#stopped.isCanceled) return;
    this.#stopped[reason] = true;
    if (this.#stream === undefined) {
      this.#connecting.abort();
      this.#settle(LOST);
      return;
    }
    this.kill(this.#options.killSignal);
    this.#after(this.#options.forceKillAfterMs ?? DEFAULT_FORCE_KILL_MS, () => {
      this.kill('SIGKILL');
      this.#after(this.#options.lostAfterMs ?? DEFAULT_LOST_MS, () => this.#settle(LOST));
    });
  }

  #after(milliseconds: number, action: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      action();
    }, milliseconds);
    this.#timers.add(timer);
  }

  #settle(ending: Ending): void {
    if (this.#over) return;
    this.#release();
    if (ending.lost) this.#stream?.destroy();
    else this.#giveBack();
    this.#started.reject(
      ending.lost ? canceledError(this.#name(), this.#options.signal?.reason) : lostError(this.#name()),
    );
    this.#ended.resolve(ending);
    this.stdout.finish();
    this.stderr.finish();
  }

  #fail(error: unknown): void {
    if (this.#over) return;
    this.#release();
    this.#stream?.destroy();
    this.#started.reject(error);
    this.#ended.reject(error);
    for (const stream of [this.stdout, this.stderr]) {
      // A listener of ours, because `result` already tells; one of the user's still sees it.
      stream.on('error', () => {});
      stream.destroy(error as Error);
    }
  }

  #release(): void {
    this.#over = true;
    this.#options.signal?.removeEventListener('abort', this.#onAbort);
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
    this.stdin.close();
  }

  #giveBack(): void {
    const stream = this.#stream;
    if (stream === undefined) return;
    stream.off('error', this.#onError).off('close', this.#onEnd).off('end', this.#onEnd).off('data', this.#onData);
    // Whatever follows EXIT is no answer to anything.
    if (this.#decoder.empty) this.#connections.giveBack(stream);
    else this.#connections.drop(stream);
  }

  #feed(): void {
    const input = this.#options.input;
    if (input === undefined) return;
    if (typeof input === 'string' || input instanceof Uint8Array) this.stdin.end(input);
    else void this.#feedFrom(input);
  }

  /** A source that breaks ends the input, after what it gave; the command then says itself what it lacks. */
  async #feedFrom(source: Readable): Promise<void> {
    try {
      for await (const chunk of source) {
        if (this.#over || this.stdin.destroyed) break;
        if (!this.stdin.write(chunk)) await drainedOrClosed(this.stdin);
      }
    } catch {
      // Only the source can fail.
    }
    this.stdin.end();
  }

  async #collect(): Promise<ExecResult<C>> {
    const { maxCapture = DEFAULT_MAX_CAPTURE } = this.#options;
    const capture = (this.#options.capture ?? 'text') as C;
    const keep = (stream: OutputStream): CaptureBuffer | undefined =>
      capture === 'none' ? undefined : new CaptureBuffer(stream, maxCapture);
    const stdout = keep(this.stdout);
    const stderr = keep(this.stderr);
    const ending = await this.#ended.promise;
    if (capture !== 'none') {
      // A consumer that destroyed a stream took what it wanted.
      await Promise.allSettled([finished(this.stdout), finished(this.stderr)]);
    }
    return {
      argv: this.#argv,
      ...ending,
      stdout: captured(stdout, capture),
      stderr: captured(stderr, capture),
      stdoutTruncated: stdout?.truncated ?? false,
      stderrTruncated: stderr?.truncated ?? false,
      ...this.#stopped,
      failed: ending.exitCode !== 0 || this.#stopped.timedOut || this.#stopped.isCanceled,
      durationMs: performance.now() - this.#began,
    };
  }

  #name(): string {
    return `running ${this.#argv[0]}`;
  }
}

function drainedOrClosed(stream: Writable): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      stream.off('drain', done).off('close', done);
      resolve();
    };
    stream.on('drain', done).on('close', done);
  });
}

/** Starts a command. Never throws but for arguments that no guest could take; everything else is in `result`. */
export function startExec<C extends Capture = 'text'>(
  connections: ExecConnections,
  argv: readonly string[],
  options: ExecOptions<C> = {},
): ExecProcess<C> {
  const session = new ExecSession(connections, argv, options);
  // A plain object, which callers may wrap or take apart.
  return {
    stdin: session.stdin,
    stdout: session.stdout,
    stderr: session.stderr,
    started: session.started,
    result: session.result,
    kill: (signal) => session.kill(signal),
    resize: (rows, cols) => session.resize(rows, cols),
  };
}
