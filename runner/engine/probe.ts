/** Whether KVM is usable here: asked of `vmtest-vmm`, which runs a small guest to find out. */
import { execFile } from 'node:child_process';
import { VmtestError } from '../errors.js';
import { object, oneOf, text } from './native/decode.js';

/**
 * `absent`: no /dev/kvm. `denied`: no permission on it. `interpreted`: it opens, but emulates every
 * instruction. `unsupported`: it lacks a capability that is needed. `broken`: it fails.
 */
export const KVM_STATUSES = ['usable', 'absent', 'denied', 'interpreted', 'unsupported', 'broken'] as const;

export interface KvmProbe {
  status: (typeof KVM_STATUSES)[number];
  /** What was found, one line. */
  message: string;
  /** What would help; empty where nothing needs to. */
  hint: string;
}

const decodeProbe = object({ status: oneOf(...KVM_STATUSES), message: text }, { hint: text });

/** The payload has its own deadline inside; this one is for a host that hangs. Milliseconds. */
const PROBE_LIMIT_MS = 30_000;

export function parseProbe(line: string): KvmProbe {
  return { hint: '', ...decodeProbe(JSON.parse(line), '') };
}

/** Throws only when the probe itself could not run. */
export async function probeKvm(vmm: string, signal?: AbortSignal): Promise<KvmProbe> {
  const options = {
    timeout: PROBE_LIMIT_MS,
    killSignal: 'SIGKILL' as const,
    ...(signal === undefined ? {} : { signal }),
  };
  const { failure, stdout, stderr } = await new Promise<{ failure: Error | null; stdout: string; stderr: string }>(
    (resolve) => {
      execFile(vmm, ['--probe-kvm'], options, (error, out, err) =>
        resolve({ failure: error, stdout: out, stderr: err }),
      );
    },
  );
  signal?.throwIfAborted();
  try {
    return parseProbe(stdout.trim());
  } catch (cause) {
    const missing = (failure as NodeJS.ErrnoException | null)?.code === 'ENOENT';
    const why = missing
      ? 'it does not exist; build it with `npm run build`'
      : stderr.trim().split('\n').at(-1) || failure?.message || `it printed ${JSON.stringify(stdout.slice(0, 200))}`;
    throw new VmtestError('VMTEST_PROBE', `cannot probe KVM with ${vmm}: ${why}`, { cause: failure ?? cause });
  }
}

/** Throws `VMTEST_NO_KVM` unless guests can run. */
export async function requireKvm(vmm: string, signal?: AbortSignal): Promise<void> {
  const probe = await probeKvm(vmm, signal);
  if (probe.status === 'usable') return;
  const hint = probe.hint === '' ? '' : `; ${probe.hint}`;
  throw new VmtestError('VMTEST_NO_KVM', `KVM is not usable here (${probe.status}): ${probe.message}${hint}`, {
    context: { ...probe },
  });
}
