/** From facts to what they mean; pure. */
import { ARCHITECTURES, type Architecture } from '../images/kernels/architecture.js';
import type { Facts } from './facts.js';
import { judgeKvm, judgeNested } from './judge-kvm.js';
import { judgeClock, judgeContainer, judgeCpu, judgeMemory } from './judge-machine.js';
import { judgeAgents, judgeNode, judgeQemu, judgeTools } from './judge-software.js';
import { judgeCache, judgeDisk } from './judge-storage.js';
import { DOCTOR_SCHEMA, type DoctorReport, type Pair } from './report.js';

export function judge(facts: Facts): DoctorReport {
  const host = hostOf(facts.machine);
  const guests = ARCHITECTURES.flatMap((guest) => [nativePair(facts, guest, host), qemuPair(facts, guest, host)]);
  const emulated = guests.some(({ guest, engine, runs }) => engine === 'qemu' && guest === host && runs);
  return {
    schema: DOCTOR_SCHEMA,
    host,
    runnable: guests.some(({ guest, runs }) => guest === host && runs),
    guests,
    findings: [
      judgeCpu(facts),
      judgeKvm(facts, emulated),
      ...judgeNested(facts),
      ...ARCHITECTURES.map((arch) => judgeQemu(facts, arch, host)),
      judgeMemory(facts),
      ...facts.disks.map(judgeDisk),
      judgeCache(facts),
      ...judgeContainer(facts),
      ...judgeClock(facts),
      judgeAgents(facts, host),
      judgeTools(facts),
      judgeNode(facts),
    ],
    facts,
  };
}

const hostOf = (machine: string): Architecture | null => ARCHITECTURES.find((arch) => arch === machine) ?? null;

function nativePair({ kvm }: Facts, guest: Architecture, host: Architecture | null): Pair {
  const pair = (runs: boolean, reason: string): Pair => ({ guest, engine: 'native', runs, reason });
  if (guest !== 'x86_64') return pair(false, 'the native engine runs guests for x86_64 only');
  if (host !== 'x86_64') return pair(false, 'KVM runs guests of its own architecture, and this machine is no x86_64');
  if (kvm.probe === null) return pair(false, 'KVM could not be probed');
  return pair(kvm.probe.status === 'usable', `KVM is ${kvm.probe.status}`);
}

function qemuPair({ qemu }: Facts, guest: Architecture, host: Architecture | null): Pair {
  const found = qemu[guest];
  const pair = (runs: boolean, reason: string): Pair => ({ guest, engine: 'qemu', runs, reason });
  if ('path' in found) return pair(true, `QEMU ${found.version} emulates it, slowly`);
  if (host === null) return pair(false, 'vmtest does not know this machine');
  return pair(false, QEMU_TROUBLES[found.code] ?? 'QEMU does not work');
}

const QEMU_TROUBLES: Readonly<Record<string, string>> = {
  VMTEST_QEMU_MISSING: 'its QEMU is not installed',
  VMTEST_QEMU_TOO_OLD: 'its QEMU is too old',
};
