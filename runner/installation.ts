/** Where the parts of an installed (or built) vmtest are. */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { VmtestError } from './errors.js';

/** The directory of our package.json: this file runs from `runner/` or from `dist/runner/`. */
export function findPackageRoot(): string {
  let directory = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(directory, 'package.json'))) {
    const parent = dirname(directory);
    if (parent === directory) throw new Error('vmtest is not inside its package');
    directory = parent;
  }
  return directory;
}

export interface Installation {
  version: string;
  /** `vmtest-vmm`, which runs one guest. */
  vmm: string;
  /** `vmtest-agent`, which goes into the guest. */
  agent: string;
  /** The directory of the images' recipes. */
  recipes: string;
}

/** `VMTEST_VMM` and `VMTEST_AGENT` come before what the build made. */
export function findInstallation(env: NodeJS.ProcessEnv = process.env): Installation {
  const root = findPackageRoot();
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
  return {
    version,
    vmm: env['VMTEST_VMM'] || join(root, 'build/release/vmm/vmtest-vmm'),
    agent: env['VMTEST_AGENT'] || join(root, 'build/release/agent/vmtest-agent'),
    recipes: join(root, 'guest-images'),
  };
}

/** `vmtest-agent` for guests of an architecture. */
export function agentOf(arch: 'x86_64' | 'aarch64', env: NodeJS.ProcessEnv = process.env): string {
  const host = process.arch === 'arm64' ? 'aarch64' : 'x86_64';
  if (arch === host) return findInstallation(env).agent;
  const path = join(findPackageRoot(), `build/agent-${arch}/vmtest-agent`);
  if (existsSync(path)) return path;
  throw new VmtestError('VMTEST_INSTALLATION', `no agent for ${arch}; build it with \`npm run build:agent-${arch}\``);
}

/** What images are made of, and with. */
export interface ImageSource {
  /** The directory of the recipes. */
  recipes: string;
  /** Of vmtest. */
  version: string;
  /** Static `vmtest-agent` of the architecture. Throws `VMTEST_INSTALLATION` when it was not built. */
  agent: () => string;
}

export function imageSource(arch: 'x86_64' | 'aarch64', env: NodeJS.ProcessEnv = process.env): ImageSource {
  const { recipes, version } = findInstallation(env);
  return { recipes, version, agent: () => agentOf(arch, env) };
}
