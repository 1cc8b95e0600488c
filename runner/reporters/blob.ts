/** `blob`: what `merge-reports` wants of a shard: its events and the files of its jobs, in a directory of its own. */
import { constants } from 'node:fs';
import { copyFile, lstat, readdir, realpath } from 'node:fs/promises';
import { dirname, join, relative, sep } from 'node:path';
import { VmtestError } from '../errors.js';
import { makeDirectory } from '../make-directory.js';
import type { Attachment } from '../results/events/event.js';
import { openEventWriter } from '../results/events/writer.js';
import type { Reporter, ReporterContext } from './reporter.js';

/** `output`: the directory, which has no events yet. */
export async function createBlobReporter(output: string, context: ReporterContext): Promise<Reporter> {
  if (output === '-') throw new VmtestError('VMTEST_USAGE', 'blob writes a directory: name it with blob=DIR');
  const writer = await openEventWriter(output);
  const attachments: Attachment[] = [];
  return {
    onEvent(event) {
      if (writer.problem !== undefined) throw writer.problem;
      writer.write(event);
      if (event.type === 'job-end') attachments.push(...event.attachments);
    },
    drained: () => writer.synced(),
    async finish() {
      await writer[Symbol.asyncDispose]();
      if (writer.problem !== undefined) throw writer.problem;
      const { results } = context;
      if (results !== undefined && results !== output) await copyAttachments(attachments, results, output);
    },
  };
}

/**
 * Copies the files that are there from one directory of results to another, those of directories as well; gives the paths
 * that are not there. Rejects with VMTEST_RESULTS when one cannot be written.
 */
export async function copyAttachments(attachments: readonly Attachment[], from: string, to: string): Promise<string[]> {
  const missing: string[] = [];
  const root = await realpath(from);
  for (const { path } of attachments) {
    const files = await filesOf(root, path);
    if (files === undefined) missing.push(path);
    for (const file of files ?? []) await copyOne(join(root, file), join(to, file));
  }
  return missing;
}

/**
 * The regular files that a path stands for, relative to `root`, which is real; undefined where it is nothing that was put
 * there. What came out of a guest, or out of an archive, may be a link to any file of this host: links are left out.
 */
async function filesOf(root: string, path: string): Promise<string[] | undefined> {
  try {
    const source = await realpath(join(root, path));
    if (!source.startsWith(root + sep)) return undefined;
    const status = await lstat(source);
    if (status.isFile()) return [relative(root, source)];
    if (!status.isDirectory()) return undefined;
    const entries = await readdir(source, { recursive: true, withFileTypes: true });
    return entries.filter((entry) => entry.isFile()).map((entry) => relative(root, join(entry.parentPath, entry.name)));
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new VmtestError('VMTEST_RESULTS', `${path} cannot be read: ${(cause as Error).message}`, { cause });
  }
}

async function copyOne(source: string, target: string): Promise<void> {
  try {
    await makeDirectory(dirname(target));
    await copyFile(source, target, constants.COPYFILE_FICLONE);
  } catch (cause) {
    throw new VmtestError('VMTEST_RESULTS', `${target} cannot be written: ${(cause as Error).message}`, { cause });
  }
}
