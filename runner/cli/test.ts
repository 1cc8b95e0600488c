/** `vmtest test`: so far, what would be run. */
import { VmtestError } from '../errors.js';
import type { TestCommand } from './command.js';
import { planTests } from './test-plan.js';
import { planJson, planLines } from './test-plan-text.js';

const todo = (what: string): VmtestError => new VmtestError('VMTEST_TODO', `${what} is still to be written`);

/** The exit code. */
export async function test(command: TestCommand, _signal: AbortSignal): Promise<number> {
  const plan = await planTests(command, process.cwd(), () => {
    throw todo('--last-failed');
  });
  if (command.list) process.stdout.write(planLines(plan));
  else if (command.dryRun) process.stdout.write(planJson(plan));
  else throw todo('running a plan');
  return 0;
}
