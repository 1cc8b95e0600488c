/** Guests that are functions: what a command does is said by the test. */
import { PassThrough } from 'node:stream';
import type { ExecProcess, ExecResult } from '../../agent/index.js';
import { deferred } from '../../deadline.js';
import { createConsoleLog } from '../../machine/console-log.js';
import { guestEndError, type MachineEnd } from '../../machine/describe-end.js';
import type { GuestOptions } from '../../plan/guest-options.js';
import type { Boot, BootRequest, TestMachine } from '../boot.js';

/** What a command can do in a fake guest. */
export interface FakeGuest {
  console(text: string): void;
  stdout(text: string): void;
  stderr(text: string): void;
  /** The guest ends. */
  end(end: MachineEnd): void;
  /** Resolves when the command is killed. */
  killed: Promise<void>;
}

/** The exit code; never, when the promise never settles. */
export type FakeCommand = (line: string, guest: FakeGuest) => number | Promise<number>;

export interface FakeBootOptions {
  command?: FakeCommand;
  /** Instead of a guest: throws. */
  fail?: (options: GuestOptions) => unknown;
  kernelRelease?: string;
}

export interface FakeBoot {
  boot: Boot;
  /** How many guests were booted, and how many of them are there. */
  booted: number;
  alive: number;
  /** The most at once. */
  most: number;
}

export function createFakeBoot({ command = () => 0, fail, kernelRelease = '6.1.0-fake' }: FakeBootOptions): FakeBoot {
  const fake: FakeBoot = {
    booted: 0,
    alive: 0,
    most: 0,
    async boot(options, request) {
      request.onStart({ image: { name: 'fake', digest: 'f'.repeat(64) }, timeScale: 1 });
      const failure = fail?.(options);
      if (failure !== undefined) throw failure;
      fake.booted += 1;
      fake.alive += 1;
      fake.most = Math.max(fake.most, fake.alive);
      return createFakeMachine(command, kernelRelease, request, () => {
        fake.alive -= 1;
      });
    },
  };
  return fake;
}

function createFakeMachine(
  command: FakeCommand,
  kernelRelease: string,
  request: BootRequest,
  onDispose: () => void,
): TestMachine {
  const ended = deferred<MachineEnd>();
  const log = createConsoleLog({ sink: request.onConsole });
  let disposed = false;

  const exec = (argv: readonly string[]): ExecProcess => {
    const stdout = new PassThrough();
    const stderr = new PassThrough();
    const killed = deferred<void>();
    const line = argv[0] === '/bin/sh' ? (argv[2] ?? '') : argv.join(' ');
    const run = async (): Promise<ExecResult> => {
      const code = command(line, {
        console: (text) => log.write(Buffer.from(text)),
        stdout: (text) => void stdout.write(text),
        stderr: (text) => void stderr.write(text),
        end: ended.resolve,
        killed: killed.promise,
      });
      const gone = ended.promise.then((end) => Promise.reject(guestEndError(end, log, 'while the command ran')));
      const dead = killed.promise.then(() => 137);
      try {
        return { exitCode: await Promise.race([code, gone, dead]) } as ExecResult;
      } finally {
        stdout.end();
        stderr.end();
      }
    };
    const result = run();
    result.catch(() => {});
    return {
      stdin: new PassThrough(),
      stdout,
      stderr,
      started: Promise.resolve(1),
      result,
      kill: () => killed.resolve(),
      resize() {},
    };
  };

  return {
    engine: 'fake',
    timeScale: 1,
    hello: {
      protocol: 2,
      version: '0',
      kernelRelease,
      machine: 'x86_64',
      uptimeUs: 0,
      role: 'init',
      failedModules: [],
    },
    console: log,
    ended: ended.promise,
    agent: undefined as never,
    exec: exec as TestMachine['exec'],
    stats: async () => ({
      exits: {},
      vcpus: [],
      queues: {},
      vsock: { connections: 0, rx_bytes: 0, tx_bytes: 0, resets: 0 },
    }),
    async [Symbol.asyncDispose]() {
      if (disposed) return;
      disposed = true;
      ended.resolve({ panicked: false, end: { kind: 'killed' } });
      onDispose();
    },
  };
}
