/** Guests of the native engine for a test run. */
import { requireKvm } from '../engine/probe.js';
import { VmtestError } from '../errors.js';
import { hostArchitecture } from '../images/kernels/architecture.js';
import { findInstallation } from '../installation.js';
import { launch } from '../machine/launch.js';
import type { Boot } from './boot.js';

/**
 * KVM is probed once, for all guests of a run: throws `VMTEST_NO_KVM` where it is not usable. Guests of another architecture
 * are refused with `VMTEST_ENGINE`; otherwise their errors are those of `launch`.
 */
export async function prepareNativeBoot(signal: AbortSignal): Promise<Boot> {
  await requireKvm(findInstallation().vmm, signal);
  return async ({ arch = hostArchitecture(), ...guest }, request) => {
    if (arch !== hostArchitecture()) {
      const message = `a guest for ${arch} cannot run here: the native engine runs those of the host, ${hostArchitecture()}`;
      throw new VmtestError('VMTEST_ENGINE', message);
    }
    return launch({
      ...guest,
      kvmIsUsable: true,
      bootTimeoutMs: request.timeoutMs,
      signal: request.signal,
      onStart: ({ image }) => request.onStart(image),
      onConsole: request.onConsole,
      onLog: (level, message) => request.onLog(`${level}: ${message}`),
      // What takes long is told as the stage that the job is in.
      onProgress: () => {},
    });
  };
}
