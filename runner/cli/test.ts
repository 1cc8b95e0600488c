/** `vmtest test`: the suites of a configuration in all of its cells. */
import { relative, resolve } from 'node:path';
import { VmtestError } from '../errors.js';
import { ExitCode } from '../exit-codes.js';
import { findInstallation } from '../installation.js';
import { exitCodeOfStatus } from '../results/events/status.js';
import { type GuestBoot, prepareGuestBoot } from '../test-run/guest-boot.js';
import { planTests, runTests, type TestRequest } from '../test-run/run-tests.js';
import { waitForChange, watchedPaths } from '../test-run/watch.js';
import type { TestCommand } from './command.js';
import { exitCodeOf } from './exit-code-of.js';
import { errorLines } from './report.js';
import { planJson, planLines } from './test-plan-text.js';

const warn = (message: string): void => void process.stderr.write(`vmtest: ${message}\n`);

/** The exit code: that of the run's status, 2 for what the user got wrong, 3 for what the host did. */
export async function test(command: TestCommand, signal: AbortSignal): Promise<number> {
  const request = requestOf(command, process.cwd());
  try {
    if (command.list || command.dryRun) {
      const planned = await planTests(request);
      process.stdout.write(command.list ? planLines(planned) : planJson(planned));
      return ExitCode.ok;
    }
    if (command.watch) return await watch(request, signal);
    return await runOnce(request, signal);
  } catch (error) {
    return refused(error);
  }
}

/** `run` says 125 of the host, since its other codes are the command's; here 3 is free, as CI systems know it. */
function refused(error: unknown): number {
  const code = exitCodeOf(error);
  if (code !== ExitCode.infrastructure) throw error;
  process.stderr.write(errorLines(error));
  return ExitCode.hostFailed;
}

/** A shard may have no jobs, on a machine without any engine, too. */
const noGuests: GuestBoot = { boot: () => Promise.reject(new Error('there was no job for a guest')), uses: [] };

async function runOnce(request: TestRequest, signal: AbortSignal): Promise<number> {
  const planned = await planTests(request);
  const guests = planned.planned.plan.jobs.map(({ cell }) => cell.guest);
  const { env } = process;
  const { boot, uses } =
    guests.length === 0 ? noGuests : await prepareGuestBoot({ guests, engine: request.engine, env, signal });
  const { status, problems, lost } = await runTests(request, planned, {
    boot,
    engines: uses,
    version: findInstallation().version,
    argv: process.argv.slice(2),
    stdout: process.stdout,
    env,
    warn,
    signal,
  });
  const closed = problems.find(({ error }) => error.code === 'VMTEST_OUTPUT_CLOSED');
  if (closed !== undefined) throw closed.error;
  const code = exitCodeOfStatus(status);
  return code === ExitCode.ok && (lost || problems.length > 0) ? ExitCode.hostFailed : code;
}

/** Until it is interrupted. A configuration that is wrong just now is told, and waited for. */
async function watch(request: TestRequest, signal: AbortSignal): Promise<number> {
  for (;;) {
    const watched = await watchedBy(request);
    // From before the run on: what changes while it goes on is run again as well.
    const change = waitForChange(watched, signal);
    change.catch(() => {});
    try {
      await runOnce(request, signal);
    } catch (error) {
      if (signal.aborted || !isWrongInput(error)) throw error;
      process.stderr.write(errorLines(error));
    }
    if (signal.aborted) return ExitCode.interrupted;
    warn(`waiting for a change of ${watched.length === 1 ? shown(watched[0] ?? '') : `${watched.length} files`}`);
    try {
      warn(`${shown(await change)} has changed`);
    } catch (error) {
      if (signal.aborted) return ExitCode.interrupted;
      throw error;
    }
  }
}

/** Where the configuration is wrong, it is all there is to wait for. */
async function watchedBy(request: TestRequest): Promise<string[]> {
  try {
    const { config, planned } = await planTests({ ...request, lastFailed: false });
    return watchedPaths(config.file, planned.all.jobs);
  } catch (error) {
    if (!isWrongInput(error)) throw error;
    return [resolve(request.cwd, request.config ?? '.')];
  }
}

const isWrongInput = (error: unknown): boolean => error instanceof VmtestError && exitCodeOf(error) === ExitCode.usage;

function shown(path: string): string {
  const short = relative(process.cwd(), path);
  return short === '' || short.startsWith('..') ? path : short;
}

function requestOf(command: TestCommand, cwd: string): TestRequest {
  const { kind: _, list: __, dryRun: ___, watch: ____, output, failOnFlaky, ...rest } = command;
  return {
    cwd,
    ...rest,
    ...(output === undefined ? {} : { output: resolve(cwd, output) }),
    // A configuration may ask for it, too.
    ...(failOnFlaky ? { failOnFlaky } : {}),
  };
}
