/** Which engine serves a guest, and why. Pure. */
import { VmtestError } from '../errors.js';
import type { Architecture } from '../images/kernels/architecture.js';
import type { KvmProbe } from './probe.js';

export const ENGINES = ['native', 'qemu'] as const;
export type EngineName = (typeof ENGINES)[number];

/** `auto`: native where KVM truly works for the guest's architecture, else QEMU. */
export const ENGINE_CHOICES = ['auto', ...ENGINES] as const;
export type EngineChoice = (typeof ENGINE_CHOICES)[number];

/** What is wanted where nobody says it: `VMTEST_ENGINE`, so that a whole test suite can be run with the other one. */
export function defaultEngine(env: NodeJS.ProcessEnv): EngineChoice {
  const value = env['VMTEST_ENGINE'];
  if (value === undefined || value === '') return 'auto';
  const known = ENGINE_CHOICES.find((choice) => choice === value);
  if (known !== undefined) return known;
  throw new VmtestError('VMTEST_USAGE', `VMTEST_ENGINE=${value}: it is one of ${ENGINE_CHOICES.join(', ')}`);
}

export interface Choice {
  engine: EngineName;
  /** Why, for people: completes "engine qemu: ...". */
  reason: string;
}

export interface ChoiceInput {
  wanted: EngineChoice;
  guest: Architecture;
  host: Architecture;
  /** Whether it has directories of the host, which the native engine cannot serve. */
  mounts?: boolean | undefined;
  /** Asked only when the answer depends on it. */
  kvm: KvmProbe | undefined;
}

/** Whether `chooseEngine` has to know what KVM can do here. */
export const needsProbe = ({ wanted, guest, host, mounts }: Omit<ChoiceInput, 'kvm'>): boolean =>
  wanted !== 'qemu' && guest === host && mounts !== true;

/** Throws `VMTEST_ENGINE` or `VMTEST_NO_KVM` when the engine that was asked for cannot serve the guest. */
export function chooseEngine({ wanted, guest, host, mounts, kvm }: ChoiceInput): Choice {
  if (wanted === 'qemu') return { engine: 'qemu', reason: 'it was asked for' };
  if (guest !== host) {
    if (wanted === 'auto') return { engine: 'qemu', reason: `the guest is ${guest}, this machine ${host}` };
    const message = `the native engine runs guests of this machine's architecture, ${host}; for ${guest} ask for --engine qemu, or auto`;
    throw new VmtestError('VMTEST_ENGINE', message);
  }
  if (mounts === true) {
    if (wanted === 'auto') return { engine: 'qemu', reason: 'the guest has mounts, which the native engine has not' };
    const message =
      'the native engine cannot serve --mount: ask for --engine qemu, or auto; or give a copy with --copy-in or --root';
    throw new VmtestError('VMTEST_ENGINE', message);
  }
  if (kvm?.status === 'usable') {
    return { engine: 'native', reason: wanted === 'native' ? 'it was asked for' : kvm.message };
  }
  if (wanted === 'auto') return { engine: 'qemu', reason: notUsable(kvm) };
  const why = kvm === undefined ? '' : `: ${kvm.message}`;
  const hint = kvm === undefined || kvm.hint === '' ? '' : `; ${kvm.hint}`;
  throw new VmtestError('VMTEST_NO_KVM', `${notUsable(kvm)}${why}${hint}; --engine qemu works without it, slower`, {
    context: { ...kvm },
  });
}

const notUsable = (kvm: KvmProbe | undefined): string =>
  kvm === undefined ? 'KVM was not looked for' : `KVM is not usable here (${kvm.status}, see \`vmtest doctor\`)`;
