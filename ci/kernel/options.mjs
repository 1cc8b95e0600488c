// argv to what is to be done. Pure.
import { parseDuration, UsageError } from '../lab/options.mjs';

export const USAGE = `Usage: ci/tiny-kernel [--path] [--timeout T]

Builds a tiny kernel out of Debian's linux-source-6.1: "tinyconfig" and what "vmtest kernel-config" prints, no more.
Prints a folder of the cache with two build trees in it, made of the same sources:

  builtin   everything is built in
  modules   what may be a module is one

They are whole as far as a boot goes; sources and objects are left out. What is in the cache is not built again
until the sources, the configuration, the compiler or this tool change.

  --path        only print the folder; exit 1 when it is not built
  --timeout T   give up after this time, as 90s, 30m or 2h (default 12m); exit 124

Needs what ci/packages.txt lists for it, apt with a network, and "npm run build".
`;

export const EXIT = { failed: 1, usage: 2, timeout: 124 };

/**
 * @typedef {{ onlyPath: boolean, timeout: number }} Options timeout: milliseconds
 * @type {(argv: string[]) => Options | 'help'}
 */
export function parseOptions(argv) {
  const options = { onlyPath: false, timeout: 12 * 60_000 };
  for (let i = 0; i < argv.length; i++) {
    const flag = argv[i] ?? '';
    if (flag === '-h' || flag === '--help') return 'help';
    else if (flag === '--path') options.onlyPath = true;
    else if (flag === '--timeout') options.timeout = parseDuration(flag, argv[++i] ?? '');
    else throw new UsageError(`unknown argument ${flag}`);
  }
  return options;
}
