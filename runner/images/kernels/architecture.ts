/** The architectures that guests can have, as `uname -m` names them. */
import { VmtestError } from '../../errors.js';

export type Architecture = 'x86_64' | 'aarch64';
export const ARCHITECTURES: readonly Architecture[] = ['x86_64', 'aarch64'];

const OF_NODE: Readonly<Record<string, Architecture>> = { x64: 'x86_64', arm64: 'aarch64' };

/** That of a guest of which nobody says it: `VMTEST_ARCH`, so that a whole test suite can be run with the other one; else this machine's. */
export function defaultArchitecture(env: NodeJS.ProcessEnv): Architecture {
  const value = env['VMTEST_ARCH'];
  if (value === undefined || value === '') return hostArchitecture();
  const known = ARCHITECTURES.find((arch) => arch === value);
  if (known !== undefined) return known;
  throw new VmtestError('VMTEST_USAGE', `VMTEST_ARCH=${value}: it is one of ${ARCHITECTURES.join(', ')}`);
}

/** The one of this machine. */
export function hostArchitecture(arch: string = process.arch): Architecture {
  const found = OF_NODE[arch];
  if (found !== undefined) return found;
  throw new VmtestError(
    'VMTEST_USAGE',
    `this machine is ${arch}, vmtest knows ${ARCHITECTURES.join(' and ')}; name one with --arch`,
  );
}
