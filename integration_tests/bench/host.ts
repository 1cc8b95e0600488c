/** What needs no guest is measured on the machine itself. */
import { mkdir, writeFile } from 'node:fs/promises';
import { measurePlanCost } from './plan-cost.js';
import { measureMicro, measureResolution, overNode } from './resolution.js';
import { formatTable, type Row } from './table.js';

const MIB = 2 ** 20;

export async function measureHost(): Promise<void> {
  const resolution = await measureResolution(20);
  const micro = await measureMicro();
  const few = await measurePlanCost(500);
  const many = await measurePlanCost(5000);
  const row = (what: string, vmtest: string, verdict: string): Row => ({ what, vmtest, other: '', verdict });
  const mib = (bytes: number): string => `${(bytes / MIB).toFixed(2)} MiB`;
  console.log(
    formatTable([
      row(
        'warm `run` to the start of the VMM, over Node',
        `${overNode(resolution).toFixed(0)} ms`,
        'goal: at most 60 ms',
      ),
      row("micro's initramfs, compressed", mib(micro.compressed), 'goal: at most 4 MiB'),
      row("micro's initramfs, unpacked", mib(micro.unpacked), 'goal: at most 12 MiB'),
      row('plan, for each of 5000 cells', `${many.planMs.toFixed(3)} ms`, ''),
      row(
        'schedule, for each of 5000 cells',
        `${many.scheduleMs.toFixed(3)} ms`,
        'goal: plan and schedule at most 1 ms',
      ),
      row(
        'memory that stays, for each cell',
        `${many.heapBytes.toFixed(0)} bytes`,
        `goal: not more than with 500 (${few.heapBytes.toFixed(0)} bytes)`,
      ),
    ]),
  );
  await mkdir('bench-results', { recursive: true });
  await writeFile('bench-results/host.json', `${JSON.stringify({ resolution, micro, plan: [few, many] }, null, 2)}\n`);
}
