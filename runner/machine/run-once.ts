/** One command in a guest of its own. */
import type { Capture, ExecOptions, ExecResult } from '../agent/index.js';
import type { Fault } from '../results/faults/fault.js';
import { type LaunchOptions, launch } from './launch.js';

export interface RunOnceOptions<C extends Capture = 'text'> extends LaunchOptions {
  /** How the command runs: its directory, variables, input, limits. */
  exec?: ExecOptions<C>;
}

export interface RunOnceResult<C extends Capture = 'text'> extends ExecResult<C> {
  /** What the kernel reported on its console meanwhile. */
  faults: readonly Fault[];
  /** The last lines of the console: at most 200. */
  console: string[];
}

/**
 * Boots a guest, runs the command in it and ends the guest. A text is for the guest's `/bin/sh -c`. Rejects as `boot` and
 * `Machine.exec` do; a command that fails is a result.
 */
export async function run<C extends Capture = 'text'>(
  command: string | readonly string[],
  options: RunOnceOptions<C> = {},
): Promise<RunOnceResult<C>> {
  const { exec = {}, ...launched } = options;
  await using machine = await launch(launched);
  const argv = typeof command === 'string' ? ['/bin/sh', '-c', command] : command;
  const { signal } = launched;
  const result = await machine.exec<C>(argv, { ...(signal === undefined ? {} : { signal }), ...exec }).result;
  // What the kernel wrote before the command ended is here when this is answered.
  await machine.stats({ signal });
  return { ...result, faults: machine.console.faults, console: machine.console.tail(200) };
}
