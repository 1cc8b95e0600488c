/** `vmtest doctor`: whether guests can run here, and if not, why and what would help. */
import { probeKvm } from '../engine/probe.js';
import { ExitCode } from '../exit-codes.js';
import { findInstallation } from '../installation.js';

/** 0 when KVM is usable, 125 when not. */
export async function doctor(signal: AbortSignal): Promise<number> {
  const probe = await probeKvm(findInstallation().vmm, signal);
  process.stdout.write(`KVM: ${probe.status}: ${probe.message}\n`);
  if (probe.hint !== '') process.stdout.write(`  ${probe.hint}\n`);
  return probe.status === 'usable' ? ExitCode.ok : ExitCode.infrastructure;
}
