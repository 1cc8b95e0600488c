/** The native engine's part of the bench in the lab (docs/lab.md). What runs inside is this program again. */
import { join } from 'node:path';
import { execa } from 'execa';
import { type Cleanup, createCleanup } from '../../runner/cleanup.js';
import { exists } from '../../runner/images/cache.js';
import { type Architecture, hostArchitecture } from '../../runner/images/kernels/architecture.js';
import { findPackageRoot } from '../../runner/installation.js';
import { unpackQemu } from './unpacked-qemu.js';

/** Variables for the bench in the lab: that it is there; the folder of a QEMU, where the lab's user land has none. */
export const IN_LAB = 'VMTEST_BENCH_IN_LAB';
export const QEMU_FOLDER = 'VMTEST_BENCH_QEMU';

/** The lab has no network: what is booted there has been fetched before. */
export async function measureInLab(arch: Architecture): Promise<void> {
  await using cleanup = createCleanup();
  const other = arch !== hostArchitecture();
  const options = other ? ['--arch', arch, '--memory', '4096'] : [];
  const env = { [IN_LAB]: '1', ...(other ? await environmentOfAarch64(cleanup) : {}) };
  const command = ['node', process.argv[1] as string];
  const lab = await execa('ci/kvm-lab', [...options, '--', ...command], { stdio: 'inherit', env, reject: false });
  if (lab.exitCode !== 0) process.exitCode = lab.exitCode ?? 1;
}

/** The only architecture that the lab has besides the machine's own. */
async function environmentOfAarch64(cleanup: Cleanup): Promise<Record<string, string>> {
  const build = join(findPackageRoot(), 'build/aarch64-release');
  const built = {
    VMTEST_VMM: join(build, 'vmm/vmtest-vmm'),
    VMTEST_AGENT: join(build, 'agent/vmtest-agent'),
    VMTEST_ADDON: join(build, 'addon/vmtest.node'),
  };
  for (const path of Object.values(built)) {
    if (!(await exists(path))) throw new Error(`${path} is missing: run \`npm run build:aarch64\``);
  }
  return { ...built, [QEMU_FOLDER]: await unpackQemu(cleanup) };
}
