// What a tiny kernel is made of, and the name that follows from it: the same inputs are never built twice.
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);

export const SOURCE_PACKAGE = 'linux-source-6.1';

const HERE = fileURLToPath(new URL('.', import.meta.url));
const VMTEST = fileURLToPath(new URL('../../dist/cli/vmtest.js', import.meta.url));

/**
 * @typedef {object} Inputs
 * @property {{ version: string, sha256: string }} source the package of the sources
 * @property {string} fragment what `vmtest kernel-config` prints
 * @property {string[]} tools versions of what compiles and links
 * @property {Record<string, string>} files this tool's own, by name
 */

/** @returns {Promise<Inputs>} */
export async function readInputs() {
  const [source, fragment, ...tools] = await Promise.all([
    sourcePackage(),
    kernelConfig(),
    ...['gcc', 'ld'].map(versionOf),
  ]);
  return { source, fragment, tools, files: await ownFiles() };
}

/** @param {Inputs} inputs */
export function keyOf({ source, fragment, tools, files }) {
  const parts = [source.sha256, fragment, tools, Object.entries(files).sort(([a], [b]) => (a < b ? -1 : 1))];
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 40);
}

/**
 * The version and digest in what `apt-cache show` prints; undefined where it has none.
 * @param {string} record
 */
export function parseRecord(record) {
  const version = /^Version: (\S+)$/m.exec(record)?.[1];
  const sha256 = /^SHA256: ([0-9a-f]{64})$/m.exec(record)?.[1];
  return version && sha256 ? { version, sha256 } : undefined;
}

async function sourcePackage() {
  const shown = await run('apt-cache', ['show', '--no-all-versions', SOURCE_PACKAGE]).catch(() => undefined);
  const found = parseRecord(shown?.stdout ?? '');
  if (found) return found;
  throw new Error(`apt knows no package ${SOURCE_PACKAGE}: run "apt-get update" (the sources are Debian's)`);
}

async function kernelConfig() {
  const printed = await run(process.execPath, [VMTEST, 'kernel-config', '--arch', 'x86_64']).catch((cause) => {
    throw new Error('vmtest does not run: build it with "npm run build"', { cause });
  });
  return printed.stdout;
}

/** @param {string} tool */
async function versionOf(tool) {
  const { stdout } = await run(tool, ['--version']).catch((cause) => {
    throw new Error(`${tool} does not run: install what is missing with ci/bootstrap`, { cause });
  });
  return stdout.split('\n', 1)[0] ?? '';
}

async function ownFiles() {
  const names = (await readdir(HERE)).filter((name) => /\.(mjs|config)$/.test(name));
  const texts = names.map(async (name) => [name, await readFile(join(HERE, name), 'utf8')]);
  return Object.fromEntries(await Promise.all(texts));
}
