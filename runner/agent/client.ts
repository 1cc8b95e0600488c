import type { Duplex } from 'node:stream';

import { VmtestError } from '../errors.js';
import { protocolError } from './agent-error.js';
import { FrameBuilder, PayloadReader } from './codec.js';
import { type ExecProcess, startExec } from './exec.js';
import { ExecConnections } from './exec-connections.js';
import type { Capture, ExecOptions } from './exec-options.js';
import { type GetOptions, type GetTreeOptions, getFile, getTree, type ReadFileOptions, readFile } from './get.js';
import { type GlobMatch, type GlobOptions, glob } from './glob.js';
import { type AgentHello, readHello } from './messages.js';
import { type Connect, Operation, type OperationOptions } from './operation.js';
import { FrameType, PowerAction } from './protocol.js';
import { type PutOptions, type PutSource, putFile, putTree, type TransferResult } from './put.js';

/**
 * The agent of one guest. Knows nothing of how connections are made: `connect` opens a fresh stream to the agent's port
 * each time. No two operations share a connection, so none waits for another; a command may get that of one that has
 * ended.
 */
export class AgentClient {
  readonly #connect: Connect;
  readonly #execConnections: ExecConnections;

  constructor(options: { connect: Connect }) {
    this.#connect = options.connect;
    this.#execConnections = new ExecConnections(options.connect);
  }

  /**
   * Reads the HELLO from a stream that the agent opened to the host. The stream stays open and flows: its `close` is
   * the news that the agent is gone.
   */
  async waitReady(stream: Duplex, options: OperationOptions = {}): Promise<AgentHello> {
    const operation = Operation.adopt('waiting for the guest agent', stream, options);
    try {
      const { type, payload } = await operation.read();
      if (type !== FrameType.hello) throw protocolError(`a frame of type ${type} in place of HELLO`);
      const hello = readHello(payload);
      operation.release().resume();
      return hello;
    } catch (error) {
      operation.release().destroy();
      throw error;
    }
  }

  /** Starts a command, without a shell. */
  exec<C extends Capture = 'text'>(argv: readonly string[], options: ExecOptions<C> = {}): ExecProcess<C> {
    return startExec(this.#execConnections, argv, options);
  }

  /** Closes the connections that wait for the next command. */
  closeIdle(): void {
    this.#execConnections.close();
  }

  /** Puts one file at an absolute path of the guest, whole or not at all. */
  putFile(source: PutSource, path: string, options: PutOptions = {}): Promise<TransferResult> {
    return putFile(this.#connect, source, path, options);
  }

  /** Puts the contents of a directory into a directory of the guest, which may exist. */
  putTree(source: string, path: string, options: PutOptions = {}): Promise<TransferResult> {
    return putTree(this.#connect, source, path, options);
  }

  /** Gets one regular file of the guest. */
  getFile(path: string, destination: string, options: GetOptions = {}): Promise<TransferResult> {
    return getFile(this.#connect, path, destination, options);
  }

  /** Gets the contents of a directory of the guest. */
  getTree(path: string, destination: string, options: GetTreeOptions = {}): Promise<TransferResult> {
    return getTree(this.#connect, path, destination, options);
  }

  /** The paths of the guest that fit an absolute pattern with `*`, `?` or `[...]`; see `glob.ts`. */
  glob(pattern: string, options: GlobOptions = {}): Promise<GlobMatch[]> {
    return glob(this.#connect, pattern, options);
  }

  /** The contents of a file of the guest, in memory. */
  readFile(path: string, options: ReadFileOptions = {}): Promise<Buffer> {
    return readFile(this.#connect, path, options);
  }

  /** Sets the guest's CLOCK_REALTIME. */
  async setClock(date: Date, options: OperationOptions = {}): Promise<void> {
    const milliseconds = date.getTime();
    if (!Number.isFinite(milliseconds) || milliseconds < 0) {
      throw new VmtestError('VMTEST_USAGE', 'the guest clock can only be set to a valid date since 1970');
    }
    await using operation = await Operation.open('setting the clock', this.#connect, options);
    await operation.send(
      new FrameBuilder(FrameType.setClock)
        .u64(BigInt(Math.floor(milliseconds / 1000)))
        .u32((milliseconds % 1000) * 1_000_000)
        .build(),
    );
    await operation.readOk();
  }

  /** Syncs and powers the guest off. Resolves when it is about to happen; running commands are not waited for. */
  powerOff(options: OperationOptions = {}): Promise<void> {
    return this.#power('powering off', PowerAction.powerOff, options);
  }

  reboot(options: OperationOptions = {}): Promise<void> {
    return this.#power('rebooting', PowerAction.reboot, options);
  }

  halt(options: OperationOptions = {}): Promise<void> {
    return this.#power('halting', PowerAction.halt, options);
  }

  /** A round trip through the agent. */
  async ping(options: OperationOptions = {}): Promise<void> {
    await using operation = await Operation.open('a ping', this.#connect, options);
    const cookie = Buffer.from('vmtest');
    await operation.send(new FrameBuilder(FrameType.ping).raw(cookie).build());
    const { type, payload } = await operation.read();
    if (type !== FrameType.pong || !payload.equals(cookie)) throw protocolError('an answer that is not the echo');
  }

  /**
   * Has the agent run a fixed piece of work, during which it does nothing else, and returns what that took: milliseconds of
   * the guest's clock. `vmtest-agent --measure` does the same on its host.
   */
  async measure(options: OperationOptions = {}): Promise<number> {
    await using operation = await Operation.open('a measurement', this.#connect, options);
    await operation.send(new FrameBuilder(FrameType.measure).build());
    const { type, payload } = await operation.read();
    if (type !== FrameType.measured) throw protocolError(`a frame of type ${type} in place of MEASURED`);
    const reader = new PayloadReader(payload);
    const nanoseconds = reader.u64();
    reader.end();
    return Number(nanoseconds) / 1e6;
  }

  async #power(name: string, action: number, options: OperationOptions): Promise<void> {
    await using operation = await Operation.open(name, this.#connect, options);
    await operation.send(new FrameBuilder(FrameType.power).u8(action).build());
    try {
      await operation.readOk();
    } catch (error) {
      // A guest that is gone before its answer arrived did what it was asked.
      if (!(error instanceof VmtestError) || error.code !== 'VMTEST_AGENT_LOST') throw error;
    }
  }
}
