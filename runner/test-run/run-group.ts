/** The jobs of a group, one after the other, each as often as it may be tried. */
import type { JobGroup } from '../plan/groups.js';
import type { Job } from '../plan/plan.js';
import type { RunEvent } from '../results/events/event.js';
import { runAttempt } from './attempt.js';
import type { Boot } from './boot.js';
import { createGuestHolder } from './guest-holder.js';

export interface GroupContext {
  boot: Boot;
  output: string;
  emit(event: RunEvent): void;
  pace(): Promise<void>;
  /** Ends the attempt that runs. */
  signal: AbortSignal;
  /** When it is aborted, no other job begins. */
  begin: AbortSignal;
  repeatOf(job: Job): string;
}

export async function runGroup(jobs: JobGroup, context: GroupContext): Promise<void> {
  const [first] = jobs;
  await using holder = createGuestHolder(context.boot, first.cell.guest);
  for (const job of jobs) {
    if (context.begin.aborted) return;
    for (let attempt = 0; ; attempt += 1) {
      const again = await runAttempt(job, {
        holder,
        output: context.output,
        emit: context.emit,
        pace: context.pace,
        signal: context.signal,
        attempt,
        last: attempt >= job.suite.retries,
        repeat: context.repeatOf(job),
      });
      if (!again) break;
    }
  }
}
