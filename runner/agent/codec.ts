import { VmtestError } from '../errors.js';
import { FRAME_HEADER, MAX_NAME, payloadLimit } from './protocol.js';

export interface Frame {
  type: number;
  /** A view of what was received. */
  payload: Buffer;
}

function malformed(what: string): VmtestError {
  return new VmtestError('VMTEST_AGENT_PROTOCOL', `the guest agent broke its protocol: ${what}`);
}

/** Cuts a byte stream into frames. */
export class FrameDecoder {
  #held: Buffer = Buffer.alloc(0);

  /** No part of a frame is held. */
  get empty(): boolean {
    return this.#held.length === 0;
  }

  push(chunk: Buffer): void {
    this.#held = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk]);
  }

  /** The next whole frame, if there is one. Throws when its length is over the limit of its type. */
  next(): Frame | undefined {
    const held = this.#held;
    if (held.length < FRAME_HEADER) return undefined;
    const length = held.readUInt32LE(0);
    const type = held.readUInt8(4);
    if (length > payloadLimit(type)) throw malformed(`a frame of type ${type} with ${length} bytes`);
    const end = FRAME_HEADER + length;
    if (held.length < end) return undefined;
    this.#held = held.subarray(end);
    return { type, payload: held.subarray(FRAME_HEADER, end) };
  }
}

/** Reads fields in order and throws at the first that is not there. */
export class PayloadReader {
  readonly #data: Buffer;
  #at = 0;

  constructor(data: Buffer) {
    this.#data = data;
  }

  #take(size: number): number {
    const at = this.#at;
    if (this.#data.length - at < size) throw malformed('a frame that is too short');
    this.#at += size;
    return at;
  }

  u8(): number {
    return this.#data.readUInt8(this.#take(1));
  }

  u32(): number {
    return this.#data.readUInt32LE(this.#take(4));
  }

  u64(): bigint {
    return this.#data.readBigUInt64LE(this.#take(8));
  }

  i64(): bigint {
    return this.#data.readBigInt64LE(this.#take(8));
  }

  /** A length or offset that must be a safe integer here. */
  length(): number {
    const value = this.u64();
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw malformed('a length beyond 2^53');
    return Number(value);
  }

  /** A copy, because names outlive the frame. */
  bytes(): Buffer {
    const size = this.u32();
    const at = this.#take(size);
    return Buffer.from(this.#data.subarray(at, at + size));
  }

  text(): string {
    return this.bytes().toString('utf8');
  }

  /** Nothing may be left over. */
  end(): void {
    if (this.#at !== this.#data.length) throw malformed('a frame that is too long');
  }
}

/** Builds one frame; every method answers the writer itself. */
export class FrameBuilder {
  readonly #type: number;
  readonly #parts: Buffer[] = [];
  #size = 0;

  constructor(type: number) {
    this.#type = type;
  }

  raw(bytes: Buffer): this {
    this.#parts.push(bytes);
    this.#size += bytes.length;
    return this;
  }

  u8(value: number): this {
    return this.raw(Buffer.of(value));
  }

  u16(value: number): this {
    const bytes = Buffer.alloc(2);
    bytes.writeUInt16LE(value);
    return this.raw(bytes);
  }

  u32(value: number): this {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32LE(value);
    return this.raw(bytes);
  }

  u64(value: bigint): this {
    const bytes = Buffer.alloc(8);
    bytes.writeBigUInt64LE(BigInt.asUintN(64, value));
    return this.raw(bytes);
  }

  string(value: string | Buffer): this {
    const bytes = typeof value === 'string' ? Buffer.from(value) : value;
    return this.u32(bytes.length).raw(bytes);
  }

  strings(values: readonly string[]): this {
    this.u32(values.length);
    for (const value of values) this.string(value);
    return this;
  }

  /** Payload bytes so far. */
  get size(): number {
    return this.#size;
  }

  build(): Buffer {
    return Buffer.concat([frameHeader(this.#type, this.#size), ...this.#parts]);
  }
}

/** The header alone, for a payload that is written after it without a copy. */
export function frameHeader(type: number, size: number): Buffer {
  const header = Buffer.alloc(FRAME_HEADER);
  header.writeUInt32LE(size);
  header.writeUInt8(type, 4);
  return header;
}

/** True for one path component that stays in its directory: not empty, `.` or `..`, no slash, no NUL. */
export function isPlainName(name: Buffer): boolean {
  const text = name.toString('latin1');
  return text !== '' && text !== '.' && text !== '..' && name.length <= MAX_NAME && !/[/\0]/.test(text);
}
