import { homedir } from 'node:os';
import { join } from 'node:path';

/** Where the runner keeps its cache (runner/images/cache.ts); these tools work before the runner is built. */
export function cacheFolder() {
  return process.env['VMTEST_CACHE'] || join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'vmtest');
}
