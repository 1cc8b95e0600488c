/** What is done in a guest for a suite: files in, setup, the command, its results; then teardown, files out. */
import { join, relative } from 'node:path';
import { withLimits } from '../deadline.js';
import { VmtestError } from '../errors.js';
import { copyIn } from '../machine/copy/copy-in.js';
import { copyOut } from '../machine/copy/copy-out.js';
import type { GuestCommand, Suite } from '../plan/plan.js';
import type { Stage } from '../results/events/event.js';
import { formatOf } from '../results/formats.js';
import type { ResultParser } from '../results/parser.js';
import type { TestMachine } from './boot.js';
import { nameOf, runInGuest } from './guest-command.js';
import type { JobFiles } from './job-files.js';

export interface StepContext {
  machine: TestMachine;
  suite: Suite;
  files: JobFiles;
  parser: ResultParser;
  signal: AbortSignal;
  /** The guest was used before: an older file of results may lie there. */
  shared: boolean;
  /** Resolves when the reader of results may go on. */
  pace(): Promise<void>;
  onStage(stage: Stage): void;
  warn(message: string): void;
}

/** How long a guest that may be dying is listened to for its last files. Milliseconds. */
const TIDY_LIMIT_MS = 120_000;

/** The exit code of the suite's command. Throws `VMTEST_SETUP`, `VMTEST_RESULT_FILE`, or what copies and commands throw. */
export async function runSuite(context: StepContext): Promise<number> {
  const { machine, suite, files, parser, signal, onStage } = context;
  const { timeouts } = suite;
  if (suite.copyIn.length > 0) onStage('copy-in');
  for (const { source, destination } of suite.copyIn) await copyIn(machine, source, destination, { signal });
  if (suite.setup.length > 0) onStage('setup');
  for (const command of suite.setup) {
    const code = await run(context, command, signal);
    if (code !== 0) throw new VmtestError('VMTEST_SETUP', `setup: ${nameOf(command)} ended with exit code ${code}`);
  }
  const fromFile = formatOf(suite.parse).from === 'file' || suite.resultFile !== undefined;
  if (context.shared && suite.resultFile !== undefined)
    await run(context, ['rm', '-f', '--', suite.resultFile], signal);
  onStage('command');
  const code = await runInGuest(machine, suite.run, {
    env: suite.env,
    cwd: suite.cwd,
    user: suite.user,
    timeoutMs: timeouts.command,
    idleMs: timeouts.idle,
    stdout: files.stdout,
    stderr: files.stderr,
    ...(fromFile ? {} : { onStdout: parser.write, pace: context.pace }),
    signal,
  });
  if (suite.resultFile !== undefined) await readResults(context, suite.resultFile, code);
  return code;
}

/** `setup` and `teardown`: their output goes where the suite's does, and to no parser. */
async function run(
  { machine, suite, files }: StepContext,
  command: GuestCommand,
  signal: AbortSignal,
): Promise<number> {
  const { env, cwd, user, timeouts } = suite;
  const { stdout, stderr } = files;
  return runInGuest(machine, command, { env, cwd, user, timeoutMs: timeouts.command, stdout, stderr, signal });
}

/** A larger file of results is refused. Bytes. */
const MAX_RESULTS = 256 * 2 ** 20;

async function readResults(
  { machine, files, parser, signal }: StepContext,
  path: string,
  exitCode: number,
): Promise<void> {
  const data = await machine.agent.readFile(path, { signal, maxBytes: MAX_RESULTS }).catch((cause: unknown) => {
    if (!(cause instanceof VmtestError) || cause.code !== 'VMTEST_AGENT_IO') throw cause;
    const why = `the file of results ${path} cannot be read: ${cause.message}`;
    throw new VmtestError('VMTEST_RESULT_FILE', `${why}; the command ended with exit code ${exitCode}`, { cause });
  });
  await files.results.write(data);
  parser.write(data);
}

/** Never rejects: what fails is a warning, for the suite has its verdict. */
export async function tidyUp(context: StepContext): Promise<void> {
  const { machine, suite, files, signal, onStage, warn } = context;
  const within = <T>(work: Promise<T>): Promise<T> => withLimits(work, { timeoutMs: TIDY_LIMIT_MS, signal });
  if (suite.teardown.length > 0) onStage('teardown');
  for (const command of suite.teardown) {
    try {
      const code = await run(context, command, signal);
      if (code !== 0) warn(`teardown: ${nameOf(command)} ended with exit code ${code}`);
    } catch (error) {
      warn(`teardown: ${(error as Error).message}`);
    }
  }
  if (suite.copyOut.length > 0) onStage('copy-out');
  for (const { source, destination } of suite.copyOut) {
    try {
      const directory = await files.make();
      const result = await within(copyOut(machine, source, join(directory, destination), { signal }));
      for (const { target } of result.copied) files.add('copy-out', relative(directory, target));
      if (result.skipped.length > 0) warn(`copy-out ${source}: ${result.skipped.length} entries were left out`);
    } catch (error) {
      warn(`copy-out ${source}: ${(error as Error).message}`);
    }
  }
}
