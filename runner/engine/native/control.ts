/**
 * The host's end of the control channel of one `vmtest-vmm` (docs/control-protocol.md): requests with
 * ids, answers in any order, events, and a strict reader. Whatever breaks the protocol ends the channel.
 */
import { abortReason, deferred, withLimits } from '../../deadline.js';
import { VmtestError } from '../../errors.js';
import type { RequestOptions } from '../guest.js';
import { decodeMessage, type Hello, PROTOCOL_VERSION, type VmmEvent, type VmmFailure } from './control-messages.js';
import type { Decoder } from './decode.js';
import type { Child, ProcessExit, SpawnOptions } from './native.js';

/** What of the addon is needed here. */
export interface ChannelAddon {
  spawnWithChannel(options: SpawnOptions): Child;
  closeFd(fd: number): void;
}

export interface ControlOptions {
  file: string;
  args: readonly string[];
  env: readonly string[];
  stderr?: number;
  /** Called on every event; the descriptors are the receiver's to close. Must not throw. */
  onEvent(event: VmmEvent, fds: number[]): void;
  /** The limit of one request, milliseconds. Default: 30 s. */
  requestTimeoutMs?: number;
}

export interface ControlRequest<T> {
  type: string;
  fields?: Record<string, unknown>;
  /** Descriptors that `fields` refer to by index; they stay the caller's. */
  fds?: readonly number[];
  reply: Decoder<T>;
}

export interface Control {
  readonly pid: number;
  /** Resolves when the process has ended and was reaped; never rejects. */
  readonly exited: Promise<ProcessExit>;
  /** Resolves with why, when no more messages can come; never rejects. */
  readonly closed: Promise<VmtestError>;
  /** Waits for the first message of the process. */
  hello(options?: RequestOptions): Promise<Hello>;
  /** One request; the descriptors of the answer are the caller's to close. */
  request<T>(request: ControlRequest<T>, options?: RequestOptions): Promise<{ ok: T; fds: number[] }>;
  /** Closes our end: the process then ends. */
  close(): void;
  kill(signal: number): void;
}

interface Pending {
  type: string;
  resolve(answer: { ok: unknown; fds: number[] }): void;
  reject(error: VmtestError): void;
}

/** The error of a refused request: `bad-image` becomes `CONTROL_BAD_IMAGE`. */
function refusal(type: string, failure: VmmFailure): VmtestError {
  return new VmtestError(`CONTROL_${failure.code.toUpperCase().replaceAll('-', '_')}`, failure.message, {
    context: { request: type, ...failure },
  });
}

/** Starts the process and speaks with it. Throws when it cannot be started. */
export function startControl(addon: ChannelAddon, options: ControlOptions): Control {
  const pending = new Map<number, Pending>();
  let lastId = 0;
  let end: VmtestError | undefined;
  const hello = deferred<Hello>();
  hello.promise.catch(() => {});
  let greeted = false;
  const closed = deferred<VmtestError>();
  const exited = deferred<ProcessExit>();

  const finish = (error: VmtestError): void => {
    if (end !== undefined) return;
    end = error;
    child.closeChannel();
    hello.reject(error);
    for (const request of pending.values()) request.reject(error);
    pending.clear();
    closed.resolve(error);
  };
  const closeAll = (fds: readonly number[]): void => {
    for (const fd of fds) addon.closeFd(fd);
  };

  const receive = (packet: string, fds: number[]): void => {
    const message = decodeMessage(packet);
    const wanted = message.kind === 'event' && message.event.event === 'vsock-accept' ? 1 : 0;
    if (message.kind !== 'ok' && fds.length !== wanted) {
      throw new Error(`${fds.length} descriptors where ${wanted} belong`);
    }
    if (message.kind === 'hello') {
      if (greeted) throw new Error('a second hello');
      if (message.hello.protocol !== PROTOCOL_VERSION) {
        throw new Error(`protocol ${message.hello.protocol}, this host speaks ${PROTOCOL_VERSION}`);
      }
      greeted = true;
      hello.resolve(message.hello);
      return;
    }
    if (!greeted) throw new Error('a message before hello');
    if (message.kind === 'event') {
      options.onEvent(message.event, fds);
      return;
    }
    const request = pending.get(message.id);
    if (request === undefined) throw new Error(`an answer to ${message.id}, which nobody asked`);
    pending.delete(message.id);
    if (message.kind === 'error') request.reject(refusal(request.type, message.failure));
    else request.resolve({ ok: message.ok, fds });
  };

  const child = addon.spawnWithChannel({
    file: options.file,
    args: options.args,
    env: options.env,
    ...(options.stderr === undefined ? {} : { stderr: options.stderr }),
    onMessage(packet, fds) {
      if (end !== undefined) return closeAll(fds);
      try {
        receive(packet, fds);
      } catch (cause) {
        closeAll(fds);
        const why = cause instanceof Error ? cause.message : String(cause);
        finish(new VmtestError('CONTROL_PROTOCOL', `vmtest-vmm broke the control protocol: ${why}`, { cause }));
      }
    },
    onChannelEnd(error) {
      const why = error === null ? 'closed the control channel' : `broke the control channel: ${error.message}`;
      finish(new VmtestError('CONTROL_CLOSED', `vmtest-vmm ${why}`, { cause: error }));
    },
    onExit: exited.resolve,
  });

  return {
    pid: child.pid,
    exited: exited.promise,
    closed: closed.promise,
    hello: (limits = {}) => withLimits(hello.promise, { signal: limits.signal, ...limitOf('hello', options) }),
    close: () => finish(new VmtestError('CONTROL_CLOSED', 'the control channel was closed')),
    kill: (signal) => void child.kill(signal),
    async request(request, limits = {}) {
      if (end !== undefined) throw end;
      if (limits.signal?.aborted) throw abortReason(limits.signal);
      lastId += 1;
      const answer = deferred<{ ok: unknown; fds: number[] }>();
      // Sent first: what cannot be sent is not waited for. Its answer cannot come before this turn ends.
      child.send(JSON.stringify({ id: lastId, type: request.type, ...request.fields }), request.fds ?? []);
      pending.set(lastId, { type: request.type, resolve: answer.resolve, reject: answer.reject });
      const limited = withLimits(answer.promise, { signal: limits.signal, ...limitOf(request.type, options) });
      const { ok, fds } = await limited.catch((error: unknown) => {
        // The answer may still come, with a descriptor that nobody waits for.
        answer.promise.then(
          (late) => closeAll(late.fds),
          () => {},
        );
        throw error;
      });
      return { ok: checkReply(request, ok, fds), fds };
    },
  };

  function checkReply<T>(request: ControlRequest<T>, ok: unknown, fds: readonly number[]): T {
    try {
      const decoded = request.reply(ok, 'ok');
      const carried = typeof ok === 'object' && ok !== null && 'stream' in ok ? 1 : 0;
      if (fds.length !== carried) throw new Error(`${fds.length} descriptors where ${carried} belong`);
      return decoded;
    } catch (cause) {
      closeAll(fds);
      const why = cause instanceof Error ? cause.message : String(cause);
      finish(new VmtestError('CONTROL_PROTOCOL', `vmtest-vmm answered ${request.type} wrongly: ${why}`, { cause }));
      throw end;
    }
  }
}

function limitOf(what: string, options: ControlOptions) {
  const timeoutMs = options.requestTimeoutMs ?? 30_000;
  return {
    timeoutMs,
    onTimeout: () =>
      new VmtestError('CONTROL_TIMEOUT', `vmtest-vmm did not answer ${what} within ${timeoutMs / 1000} s`, {
        context: { request: what },
      }),
  };
}
