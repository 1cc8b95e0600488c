/** Finds and loads the Node-API addon (native/addon), once for each thread. */
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { VmtestError } from '../../errors.js';
import { findPackageRoot } from '../../installation.js';

/** What native.d.ts describes. */
export type Addon = typeof import('./native.js');

const require = createRequire(import.meta.url);

/** Where the addon is looked for, in this order; `VMTEST_ADDON` comes before what the build made. */
export function addonPaths(env: NodeJS.ProcessEnv = process.env): string[] {
  const built = join(findPackageRoot(), 'build/release/addon/vmtest.node');
  return env['VMTEST_ADDON'] ? [env['VMTEST_ADDON'], built] : [built];
}

/** Loads the first addon that loads. Throws `ADDON_NOT_FOUND`, with every path that was tried and its error. */
export function loadAddon(env: NodeJS.ProcessEnv = process.env): Addon {
  const failures: { path: string; error: unknown }[] = [];
  for (const path of addonPaths(env)) {
    try {
      return require(path) as Addon;
    } catch (error) {
      failures.push({ path, error });
    }
  }
  const tried = failures.map(({ path, error }) => `${path}: ${firstLine(error)}`);
  throw new VmtestError(
    'ADDON_NOT_FOUND',
    `cannot load the vmtest addon; build it with \`npm run build\`; tried ${tried.join('; ')}`,
    {
      cause: failures[0]?.error,
      context: { tried },
    },
  );
}

function firstLine(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.split('\n', 1)[0] ?? '';
}
