/** Says what a kernel lacks before it is booted. */
import type { Cache } from '../cache.js';
import type { ModuleSet } from '../modules.js';
import { checkConfig, configError } from './check-config.js';
import { findConfig } from './find-config.js';
import type { Kernel } from './kernel.js';
import type { LocatedKernel } from './located.js';
import type { Feature } from './requirements.js';

export interface CheckInput {
  kernel: Kernel;
  located: LocatedKernel;
  modules: ModuleSet | undefined;
  /** Where the modules are. */
  directory: string | undefined;
  features: readonly Feature[];
}

/** Throws `VMTEST_BAD_INPUT` with everything that is missing. A kernel whose configuration is not to be had passes. */
export async function checkKernel(cache: Cache, input: CheckInput): Promise<void> {
  const { kernel, located, modules, directory, features } = input;
  const config = await findConfig(cache, located, kernel);
  if (config === undefined) return;
  const names = modules === undefined ? undefined : new Set([...modules.byName.keys(), ...modules.builtin]);
  const lacks = checkConfig(config, { arch: kernel.arch, features, modules: names });
  if (lacks.length > 0) throw configError(kernel.label, lacks, directory);
}
