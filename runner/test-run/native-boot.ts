/** Guests of the native engine for a test run. */
import { VmtestError } from '../errors.js';
import { hostArchitecture } from '../images/kernels/architecture.js';
import { launch } from '../machine/launch.js';
import type { Boot } from './boot.js';

/** Throws `VMTEST_ENGINE` for a guest of another architecture, and otherwise as `launch` does. */
export const bootNative: Boot = async ({ arch = hostArchitecture(), ...guest }, request) => {
  if (arch !== hostArchitecture()) {
    const message = `a guest for ${arch} cannot run here: the native engine runs those of the host, ${hostArchitecture()}`;
    throw new VmtestError('VMTEST_ENGINE', message);
  }
  return launch({
    ...guest,
    bootTimeoutMs: request.timeoutMs,
    signal: request.signal,
    onStart: ({ image }) => request.onStart(image),
    onConsole: request.onConsole,
    onLog: (level, message) => request.onLog(`${level}: ${message}`),
    onProgress: request.onLog,
  });
};
