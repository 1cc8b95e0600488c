/** `blob`: what `merge-reports` wants of a shard: its events and the files of its jobs, in a directory of its own. */
import { constants } from 'node:fs';
import { copyFile, lstat, realpath } from 'node:fs/promises';
import { dirname, join, sep } from 'node:path';
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
 * Copies the files that are there from one directory of results to another; gives those that are not. Rejects with
 * VMTEST_RESULTS when one cannot be written.
 */
export async function copyAttachments(attachments: readonly Attachment[], from: string, to: string): Promise<string[]> {
  const missing: string[] = [];
  const root = await realpath(from);
  for (const { path } of attachments) {
    const target = join(to, path);
    try {
      // What came out of a guest, or out of an archive, may be a link to any file of this host.
      const source = await realpath(join(from, path));
      if (!source.startsWith(root + sep) || !(await lstat(source)).isFile())
        throw new Error('not a file of the results');
      await makeDirectory(dirname(target));
      await copyFile(source, target, constants.COPYFILE_FICLONE);
    } catch (cause) {
      const { code, message } = cause as NodeJS.ErrnoException;
      if (code === 'ENOENT' || code === undefined) missing.push(path);
      else throw new VmtestError('VMTEST_RESULTS', `${target} cannot be written: ${message}`, { cause });
    }
  }
  return missing;
}
