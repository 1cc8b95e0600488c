/** Connects the terminal or the pipes of this process with a command in a guest. */
import { pipeline } from 'node:stream/promises';
import type { ExecProcess, TerminalSize } from '../agent/index.js';
import { type Cleanup, createCleanup } from '../cleanup.js';
import { deferred } from '../deadline.js';
import { outputError } from '../output-error.js';

export interface Stdio extends AsyncDisposable {
  /** Resolves when everything that the command wrote has been written here. */
  readonly delivered: Promise<void>;
  /** Rejects when our output cannot be written any more; never resolves. */
  readonly broken: Promise<never>;
}

/** Whether the command gets a terminal, and its size; a terminal that does not know its size says 0. */
export function terminalFor(when: 'auto' | 'always' | 'never'): TerminalSize | undefined {
  const wanted = when === 'always' || (when === 'auto' && process.stdin.isTTY && process.stdout.isTTY);
  return wanted ? { rows: process.stdout.rows || 24, cols: process.stdout.columns || 80 } : undefined;
}

/** Starts to move bytes, with back-pressure both ways, and the end of standard input. */
export function connectStdio(command: ExecProcess, terminal: TerminalSize | undefined): Stdio {
  const cleanup = createCleanup();
  const broken = deferred<never>();
  broken.promise.catch(() => {});

  if (terminal !== undefined) followTerminal(command, cleanup);
  if (command.stdin !== undefined) {
    const { stdin } = command;
    process.stdin.pipe(stdin);
    // What cannot be read (a directory, a terminal of another session) is at its end.
    process.stdin.on('error', () => stdin.end());
    // The command may end, or close its standard input, before ours is at its end.
    stdin.on('error', () => process.stdin.unpipe());
    cleanup.defer(() => {
      process.stdin.unpipe();
      process.stdin.pause();
    });
  }
  const outputs = [
    pipeline(command.stdout, process.stdout, { end: false }),
    pipeline(command.stderr, process.stderr, { end: false }),
  ];
  for (const output of outputs) output.catch(() => {});
  for (const stream of [process.stdout, process.stderr]) {
    const onError = (cause: NodeJS.ErrnoException): void => broken.reject(outputError(cause));
    stream.on('error', onError);
    cleanup.defer(() => void stream.off('error', onError));
  }
  return {
    delivered: Promise.allSettled(outputs).then(() => undefined),
    broken: broken.promise,
    [Symbol.asyncDispose]: () => cleanup[Symbol.asyncDispose](),
  };
}

/** Keys go to the guest's terminal as they are, ^C too; a new size of the window as well. */
function followTerminal(command: ExecProcess, cleanup: Cleanup): void {
  const { stdin, stdout } = process;
  const onResize = (): void => command.resize(stdout.rows || 24, stdout.columns || 80);
  stdout.on('resize', onResize);
  cleanup.defer(() => void stdout.off('resize', onResize));
  if (!stdin.isTTY) return;
  stdin.setRawMode(true);
  cleanup.defer(() => void stdin.setRawMode(false));
}
