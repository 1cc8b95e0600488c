/** `vmtest run`: boots a guest, runs one command in it, ends as the command ended. */
import type { ExecResult } from '../agent/index.js';
import { createCleanup } from '../cleanup.js';
import { withLimits } from '../deadline.js';
import { engineUse } from '../engine/engine-use.js';
import { VmtestError } from '../errors.js';
import { exitCodeOfSignal } from '../exit-codes.js';
import { defaultArchitecture } from '../images/kernels/architecture.js';
import { type LaunchOptions, launch } from '../machine/launch.js';
import type { Machine } from '../machine/machine.js';
import { planGuest } from '../machine/plan.js';
import { scaledLimit } from '../machine/scaled-limit.js';
import { engineLine } from '../reporters/shown.js';
import type { RunCommand } from './command.js';
import { openConsole } from './console-output.js';
import type { PreparedCopies } from './copies.js';
import { connectStdio, terminalFor } from './stdio.js';

/** How long a guest with writable disks or mounts may take to write them back and power off. Milliseconds. */
const POWER_OFF_LIMIT_MS = 30_000;

const say = (message: string): void => void process.stderr.write(`vmtest: ${message}\n`);

/** The exit code of the command; a `VmtestError` for everything else that can happen. */
export async function run(command: RunCommand, signal: AbortSignal): Promise<number> {
  if (command.dryRun) return dryRun(command, signal);
  const files = [command.kernel, command.initrd, ...command.disks.map(({ path }) => path)];
  await using console = await openConsole(
    command.console,
    files.filter((file) => file !== undefined),
  );
  const copies = await copiesOf(command, signal);
  const launched = { ...launchOptions(command), onConsole: console.write, signal };
  await using machine = await launch(launched);
  const succeeded = (code: number) => code === 0 && !(command.failOnSplat && machine.console.splats.length > 0);
  const { code, failure } = await copies.around(machine, () => execute(machine, command, signal), succeeded);
  await writeBack(machine, command, signal);
  if (failure !== undefined) throw failure;
  if (command.failOnSplat) checkSplats(machine, code);
  return code;
}

/** Loaded only when there is something to copy. */
async function copiesOf(command: RunCommand, signal: AbortSignal): Promise<PreparedCopies> {
  if (command.copyIn === undefined && command.copyOut === undefined) {
    return { around: async (_, execute) => ({ code: await execute() }) };
  }
  return (await import('./copies.js')).prepareCopies(command, signal, say);
}

/** Everything is checked, fetched and made as for a guest. */
async function dryRun(command: RunCommand, signal: AbortSignal): Promise<number> {
  await using cleanup = createCleanup();
  const { guest, command: defaults } = await planGuest({ ...launchOptions(command), signal }, cleanup);
  process.stdout.write(`${JSON.stringify({ ...guest, command: defaults }, null, 2)}\n`);
  return 0;
}

function launchOptions(command: RunCommand): LaunchOptions {
  return {
    engine: command.engine,
    arch: command.arch,
    image: command.image,
    kernel: command.kernel,
    initrd: command.initrd,
    modules: command.modules,
    load: command.load,
    append: command.append,
    cpus: command.cpus,
    memoryMib: command.memoryMib,
    disks: command.disks,
    mounts: command.mounts,
    root: command.root,
    init: command.init,
    nested: command.nested,
    pmu: command.pmu,
    sve: command.sve,
    bootTimeoutMs: command.bootTimeoutMs,
    onProgress: say,
    onStart: (_, engine) => say(engineLine(engineUse(engine, command.arch ?? defaultArchitecture(process.env)))),
    onLog: (level, message) => say(`${level}: ${message}`),
  };
}

async function execute(machine: Machine, command: RunCommand, signal: AbortSignal): Promise<number> {
  const limit = command.timeoutMs === undefined ? undefined : scaledLimit(command.timeoutMs, machine.timeScale);
  const terminal = terminalFor(command.tty);
  const process = machine.exec(command.argv, {
    env: command.env,
    cwd: command.cwd,
    user: command.user,
    stdin: 'pipe',
    capture: 'none',
    ...(terminal === undefined ? {} : { pty: terminal }),
  });
  await using stdio = connectStdio(process, terminal);
  const onTimeout = () =>
    new VmtestError('VMTEST_COMMAND_TIMEOUT', `the command did not end within ${limit?.text}`, {
      context: { console: machine.console.tail(10) },
    });
  const result = await withLimits(Promise.race([process.result, stdio.broken]), {
    timeoutMs: limit?.ms,
    onTimeout,
    signal,
  }).catch((error: unknown) => {
    // What is still running must not change the files that are copied out.
    process.kill('SIGKILL');
    throw notStarted(error, command);
  });
  await withLimits(Promise.race([stdio.delivered, stdio.broken]), { signal });
  return exitCodeOfResult(result);
}

/** What the agent says of a command that it could not start, as the shells' exit codes have it. */
function notStarted(error: unknown, command: RunCommand): unknown {
  if (!(error instanceof VmtestError) || error.code !== 'VMTEST_AGENT_EXEC') return error;
  const { errno, stage } = error.context;
  const fail = (code: string, what: string) => new VmtestError(code, `${what} (${errno})`, { cause: error });
  const flag = (name: string, value: string | undefined) =>
    value === undefined ? `what the container image says for ${name}` : `${name} ${value}`;
  switch (stage) {
    case 'user':
      return fail('VMTEST_BAD_INPUT', `${flag('--user', command.user)}: the guest has no such user`);
    case 'cwd':
      return fail('VMTEST_BAD_INPUT', `${flag('--cwd', command.cwd)}: the guest cannot enter that directory`);
    case 'exec':
      return errno === 'ENOENT'
        ? fail('VMTEST_COMMAND_NOT_FOUND', `${command.argv[0]}: no such command in the guest`)
        : fail('VMTEST_COMMAND_NOT_STARTED', `${command.argv[0]}: the guest cannot run it`);
    default:
      return error;
  }
}

function exitCodeOfResult({ exitCode, signal }: ExecResult): number {
  if (exitCode !== undefined) return exitCode;
  return exitCodeOfSignal(signal ?? 0);
}

/** Killing a guest is faster than asking it, but would lose what it has not yet written to its disks and mounts. */
async function writeBack(machine: Machine, command: RunCommand, signal: AbortSignal): Promise<void> {
  const written = command.disks.some(({ mode }) => mode === 'rw') || command.mounts.some(({ mode }) => mode !== 'ro');
  if (command.root?.writable !== true && !written) return;
  const ended = withLimits(machine.powerOff(), { timeoutMs: POWER_OFF_LIMIT_MS, signal });
  await ended.catch((error: Error) =>
    say(`warning: the guest did not power off, its disks and mounts may lack data: ${error.message}`),
  );
}

function checkSplats(machine: Machine, code: number): void {
  const [first, ...more] = machine.console.splats;
  if (first === undefined) return;
  const others = more.length === 0 ? '' : ` (and ${more.length} more)`;
  const message = `the kernel reported a fault${others}: ${first}; the command itself ended with ${code}`;
  throw new VmtestError('VMTEST_SPLAT', message, { context: { console: machine.console.tail(30) } });
}
