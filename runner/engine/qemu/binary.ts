/** Finds the QEMU that emulates an architecture, and asks it for its version. */
import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { delimiter, isAbsolute, join, resolve } from 'node:path';
import { withLimits } from '../../deadline.js';
import { VmtestError } from '../../errors.js';
import type { Cache } from '../../images/cache.js';
import { remembered } from '../../images/digest.js';
import type { Architecture } from '../../images/kernels/architecture.js';
import { killGroup } from './kill-group.js';
import { isOlder, OLDEST_QEMU, parseQemuVersion, parseVersionText, type QemuVersion, versionText } from './version.js';

export interface QemuBinary {
  /** Absolute. */
  path: string;
  version: QemuVersion;
}

export interface FindQemuOptions {
  /** Default: that of this process. */
  env?: NodeJS.ProcessEnv;
  /** Keeps the answer for as long as the executable's file stays the same. Default: it is asked each time. */
  cache?: Cache;
  signal?: AbortSignal;
}

interface Known {
  /** The variable that names another executable. */
  variable: string;
  file: string;
  /** Where Debian and Ubuntu have it. */
  debian: string;
}

export const QEMU: Readonly<Record<Architecture, Known>> = {
  x86_64: { variable: 'VMTEST_QEMU_X86_64', file: 'qemu-system-x86_64', debian: 'qemu-system-x86' },
  aarch64: { variable: 'VMTEST_QEMU_AARCH64', file: 'qemu-system-aarch64', debian: 'qemu-system-arm' },
};

/** It says its version in milliseconds; this is for one that hangs. */
const VERSION_LIMIT_MS = 10_000;

/**
 * The executable that `VMTEST_QEMU_X86_64` or `VMTEST_QEMU_AARCH64` names, else the one on PATH. Throws
 * `VMTEST_QEMU_MISSING`, `VMTEST_QEMU_TOO_OLD` (before 7.2), and `VMTEST_QEMU_BROKEN` where it does not say its version.
 */
export async function findQemu(arch: Architecture, options: FindQemuOptions = {}): Promise<QemuBinary> {
  const { env = process.env, cache, signal } = options;
  signal?.throwIfAborted();
  const path = await locate(QEMU[arch], env);
  const ask = (): Promise<QemuVersion> => askVersion(path, env, signal);
  const version = cache === undefined ? await ask() : await knownVersion(cache, path, ask);
  if (isOlder(version, OLDEST_QEMU)) {
    const { variable, debian } = QEMU[arch];
    throw new VmtestError(
      'VMTEST_QEMU_TOO_OLD',
      `${path} is QEMU ${versionText(version)}, vmtest needs 7.2 or newer; ` +
        `upgrade it (Debian: ${debian}), or name a newer one with ${variable}`,
      { context: { path, version } },
    );
  }
  return { path, version };
}

/** A start of QEMU, only to hear what it said the last time, costs a run tens of milliseconds. */
async function knownVersion(cache: Cache, path: string, ask: () => Promise<QemuVersion>): Promise<QemuVersion> {
  const kept = await remembered(cache, ['qemu-versions', 'version'], path, async () => versionText(await ask()));
  return parseVersionText(kept) ?? ask();
}

async function locate({ variable, file, debian }: Known, env: NodeJS.ProcessEnv): Promise<string> {
  const named = env[variable];
  if (named !== undefined && named !== '') {
    const path = resolve(named);
    if (await isExecutable(path)) return path;
    throw new VmtestError('VMTEST_QEMU_MISSING', `${variable} names ${path}, which is no executable file`);
  }
  for (const directory of (env['PATH'] ?? '/usr/bin:/bin').split(delimiter)) {
    // A relative one would be another file in each working directory.
    if (!isAbsolute(directory)) continue;
    const path = join(directory, file);
    if (await isExecutable(path)) return path;
  }
  throw new VmtestError(
    'VMTEST_QEMU_MISSING',
    `${file} is not installed (Debian: ${debian}); install it, or name one with ${variable}`,
  );
}

async function isExecutable(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK);
    return (await stat(path)).isFile();
  } catch {
    return false;
  }
}

async function askVersion(path: string, env: NodeJS.ProcessEnv, signal?: AbortSignal): Promise<QemuVersion> {
  const { execa } = await import('execa');
  const child = execa(path, ['--version'], {
    env: { ...env, LC_ALL: 'C' },
    extendEnv: false,
    stdin: 'ignore',
    reject: false,
    // The leader of a group: a script that hangs is ended with what it started.
    detached: true,
    maxBuffer: 64 * 1024,
  });
  const onTimeout = () => broken(path, `it did not end within ${VERSION_LIMIT_MS / 1000} s`);
  const ended = withLimits(Promise.resolve(child), { timeoutMs: VERSION_LIMIT_MS, onTimeout, signal });
  const { failed, stdout, stderr, shortMessage } = await ended.catch((error: unknown) => {
    killGroup(child.pid);
    throw error;
  });
  const version = failed ? undefined : parseQemuVersion(stdout);
  if (version !== undefined) return version;
  const said = stderr.trim().split('\n').at(-1) || shortMessage?.split('\n')[0] || 'it failed';
  throw broken(path, failed ? said : `it printed ${JSON.stringify(stdout.slice(0, 100))}`);
}

function broken(path: string, why: string): VmtestError {
  const message = `${path} --version: no version of QEMU: ${why}`;
  return new VmtestError('VMTEST_QEMU_BROKEN', message, { context: { path } });
}
