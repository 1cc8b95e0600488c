#!/usr/bin/env node
/** The `vmtest` command: argv in, exit code out. */
import { constants } from 'node:os';
import { VmtestError } from '../errors.js';
import { findInstallation } from '../installation.js';
import { outputError } from '../output-error.js';
import type { Command } from './command.js';
import { exitCodeOf } from './exit-code-of.js';
import { parseCommandLine } from './parse.js';
import { errorLines } from './report.js';

const INTERRUPTS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** The first signal asks everything to stop and be cleaned up; the second ends the process at once. */
function interruptible(): AbortSignal {
  const controller = new AbortController();
  for (const name of INTERRUPTS) {
    process.on(name, () => {
      // The kernel closes our descriptors, and every vmtest-vmm ends with its control channel.
      if (controller.signal.aborted) process.exit(128 + constants.signals[name]);
      controller.abort(new VmtestError('VMTEST_INTERRUPTED', `interrupted by ${name}`));
    });
  }
  return controller.signal;
}

/** Each command is loaded only when it is wanted: a start of Node is most of a short run. */
async function perform(command: Command, signal: AbortSignal): Promise<number> {
  switch (command.kind) {
    case 'print':
      process.stdout.write(command.text);
      return 0;
    case 'run':
      return (await import('./run.js')).run(command, signal);
    case 'test':
      return (await import('./test.js')).test(command, signal);
    case 'init':
      return (await import('./init.js')).init(command);
    case 'completion':
      return (await import('./completion.js')).completion(command.shell);
    case 'scan':
      return (await import('./scan.js')).scan(command, signal);
    case 'doctor':
      return (await import('./doctor.js')).doctor(command, signal);
    case 'images-fetch':
    case 'images-list':
    case 'images-build':
    case 'images-path':
    case 'images-pack':
    case 'images-pull':
    case 'images-verify':
    case 'images-prune':
      return (await import('./images.js')).images(command, signal);
    case 'parse':
      return (await import('./parse-results.js')).parseResults(command, signal);
    case 'report':
      return (await import('./report-run.js')).reportRun(command, signal);
    case 'merge-reports':
      return (await import('./merge-reports.js')).mergeReports(command, signal);
    case 'kernel-config':
      return (await import('./kernel-config.js')).kernelConfig(command.arch);
  }
}

async function main(): Promise<number> {
  // Commands that print a little do not wait for their output; it is looked at in the end.
  let lost: NodeJS.ErrnoException | undefined;
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error) => {
      lost ??= error;
    });
  }
  try {
    const { version } = findInstallation();
    const command = parseCommandLine(process.argv.slice(2), { version, env: process.env });
    const code = await perform(command, interruptible());
    await Promise.all([flushed(process.stdout), flushed(process.stderr)]);
    if (lost !== undefined && code === 0) throw outputError(lost);
    return code;
  } catch (error) {
    process.stderr.write(errorLines(error));
    return exitCodeOf(error);
  }
}

/** Waits until what was written to a pipe has left: `process.exit` would cut it. */
const flushed = (stream: NodeJS.WriteStream): Promise<void> =>
  new Promise((resolve) => {
    // An error of a write that is done is told in a later turn.
    if (stream.destroyed || stream.writableLength === 0) setImmediate(resolve);
    else stream.write('', () => resolve());
  });

const code = await main();
await Promise.all([flushed(process.stdout), flushed(process.stderr)]);
// Standard input may still be open, and would keep the process.
process.exit(code);
