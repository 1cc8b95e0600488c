/** The QEMU Machine Protocol (docs/interop/qmp-spec.rst of QEMU): one JSON object a line, both ways. */
import type { Duplex } from 'node:stream';
import { deferred, withLimits } from '../../deadline.js';
import { VmtestError } from '../../errors.js';
import type { RequestOptions } from '../guest.js';

export interface QmpEvent {
  name: string;
  data: Readonly<Record<string, unknown>>;
}

export interface QmpOptions {
  /** In the order of QEMU's own writing. Must not throw. */
  onEvent(event: QmpEvent): void;
  /** The limit of one command, milliseconds. Default: 30 s. */
  commandTimeoutMs?: number;
}

export interface Qmp {
  /** Waits for the greeting and leaves the negotiation: commands are taken afterwards. */
  negotiate(options?: RequestOptions): Promise<void>;
  /** What the command returned; rejects with `QMP_REFUSED` when QEMU refused it. */
  execute(command: string, options?: RequestOptions): Promise<unknown>;
  /** Resolves with why, when nothing more can come; never rejects. */
  readonly closed: Promise<VmtestError>;
  close(): void;
}

/** No answer of the commands that are sent here comes near to it. Characters. */
const MAX_LINE = 1024 * 1024;

interface Waiting {
  command: string;
  resolve(value: unknown): void;
  reject(error: VmtestError): void;
}

/** Takes over the stream. */
export function startQmp(stream: Duplex, options: QmpOptions): Qmp {
  const waiting = new Map<number, Waiting>();
  const greeting = deferred<void>();
  greeting.promise.catch(() => {});
  const closed = deferred<VmtestError>();
  let end: VmtestError | undefined;
  let lastId = 0;
  let rest = '';

  const finish = (code: string, why: string, cause?: unknown): void => {
    if (end !== undefined) return;
    end = new VmtestError(code, why, cause === undefined ? {} : { cause });
    stream.destroy();
    greeting.reject(end);
    for (const { reject } of waiting.values()) reject(end);
    waiting.clear();
    closed.resolve(end);
  };

  const receive = (line: string): void => {
    const message = parseLine(line);
    if (message.kind === 'greeting') greeting.resolve();
    else if (message.kind === 'event') options.onEvent(message.event);
    else settle(message);
  };

  const settle = ({ id, value, refusal }: Answer): void => {
    const asked = waiting.get(id);
    if (asked === undefined) throw new Error(`an answer to ${id}, which nobody asked`);
    waiting.delete(id);
    if (refusal === undefined) {
      asked.resolve(value);
      return;
    }
    const context = { command: asked.command, class: refusal.class };
    asked.reject(new VmtestError('QMP_REFUSED', `QEMU refused ${asked.command}: ${refusal.desc}`, { context }));
  };

  stream.on('data', (chunk: Buffer) => {
    // UTF-8 of one character may be cut in two; nothing here depends on more than ASCII.
    rest += chunk.toString('latin1');
    const lines = rest.split('\n');
    rest = lines.pop() ?? '';
    try {
      for (const line of lines) if (line.trim() !== '' && end === undefined) receive(line);
      if (rest.length > MAX_LINE) throw new Error('a line without an end');
    } catch (cause) {
      finish('QMP_PROTOCOL', `QEMU broke the QMP protocol: ${(cause as Error).message}`, cause);
    }
  });
  stream.on('error', (error) => finish('QMP_CLOSED', `QEMU broke its QMP connection: ${error.message}`, error));
  const left = (): void => finish('QMP_CLOSED', 'QEMU closed its QMP connection');
  stream.on('end', left);
  stream.on('close', left);

  const timeoutMs = options.commandTimeoutMs ?? 30_000;
  const limits = (what: string, signal: AbortSignal | undefined) => ({
    timeoutMs,
    signal,
    onTimeout: () => new VmtestError('QMP_TIMEOUT', `QEMU did not answer ${what} within ${timeoutMs / 1000} s`),
  });

  const execute = async (command: string, { signal }: RequestOptions = {}): Promise<unknown> => {
    if (end !== undefined) throw end;
    lastId += 1;
    const answer = deferred<unknown>();
    waiting.set(lastId, { command, resolve: answer.resolve, reject: answer.reject });
    stream.write(`${JSON.stringify({ execute: command, id: lastId })}\n`);
    return withLimits(answer.promise, limits(command, signal));
  };
  return {
    async negotiate(request = {}) {
      await withLimits(greeting.promise, limits('with its greeting', request.signal));
      await execute('qmp_capabilities', request);
    },
    execute,
    closed: closed.promise,
    close: () => finish('QMP_CLOSED', 'the QMP connection was closed'),
  };
}

interface Answer {
  kind: 'answer';
  id: number;
  value?: unknown;
  refusal?: { class: string; desc: string };
}

type Message = { kind: 'greeting' } | { kind: 'event'; event: QmpEvent } | Answer;

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Throws an `Error` that says what is wrong with the line. Fields that are not known are none of our business. */
export function parseLine(line: string): Message {
  const value: unknown = JSON.parse(line);
  if (!isRecord(value)) throw new Error('a line that is no object');
  if ('QMP' in value) return { kind: 'greeting' };
  if (typeof value['event'] === 'string') {
    const { event: name, data = {} } = value;
    if (!isRecord(data)) throw new Error(`an event ${name} whose data is no object`);
    return { kind: 'event', event: { name, data } };
  }
  const { id, error } = value;
  if (typeof id !== 'number') throw new Error(`neither an event nor an answer: ${line.slice(0, 200)}`);
  if (error === undefined) return { kind: 'answer', id, value: value['return'] };
  if (!isRecord(error)) throw new Error('an error that is no object');
  return { kind: 'answer', id, refusal: { class: String(error['class']), desc: String(error['desc']) } };
}
