/** `vmtest doctor`: what this machine can run, and if not, why and what would help. */
import { gather } from '../doctor/gather.js';
import { judge } from '../doctor/judge.js';
import { doctorText } from '../doctor/text.js';
import { ExitCode } from '../exit-codes.js';
import { createStyle, wantsColour } from '../reporters/terminal/style.js';
import type { DoctorCommand } from './command.js';

/** 0 when an engine runs guests of this machine's architecture, 125 when none does. */
export async function doctor({ json }: DoctorCommand, signal: AbortSignal): Promise<number> {
  const report = judge(await gather({ env: process.env, signal }));
  const style = createStyle(wantsColour(process.stdout, process.env));
  process.stdout.write(json ? `${JSON.stringify(report, null, 2)}\n` : doctorText(report, style));
  return report.runnable ? ExitCode.ok : ExitCode.infrastructure;
}
