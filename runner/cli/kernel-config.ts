/** `vmtest kernel-config`: what a kernel's configuration must have. */
import { type Architecture, hostArchitecture } from '../images/kernels/architecture.js';
import { configFragment } from '../images/kernels/fragment.js';

/** `arch`: default is that of this machine. */
export function kernelConfig(arch: Architecture = hostArchitecture()): number {
  process.stdout.write(configFragment(arch));
  return 0;
}
