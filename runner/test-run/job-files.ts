/** The files that one attempt of a job leaves. */
import { realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { makeDirectory } from '../make-directory.js';
import type { Attachment } from '../results/events/event.js';
import { type OutputFile, openOutputFile } from './output-file.js';
import { createLineStamper } from './stamp-lines.js';

export interface JobFiles extends AsyncDisposable {
  /** Makes the directory of the attempt where it is not there yet. Returns its path, absolute and without links. */
  make(): Promise<string>;
  /** The file of results that the suite wrote in the guest. */
  readonly results: OutputFile;
  readonly stdout: OutputFile;
  readonly stderr: OutputFile;
  /** Bytes of the serial console, as they come. */
  console(chunk: Buffer): void;
  /** A file or directory that somebody else has put there; `path` is relative to the directory. */
  add(name: string, path: string): void;
  /** What is there; to be called after disposal. */
  attachments(): Attachment[];
  /** Why files are not whole. */
  warnings(): string[];
}

/** Bytes that are kept of each; the parsers get all of it. */
const LIMIT = 256 * 2 ** 20;

/** `output`: the directory of the results; `place`: that of the attempt, relative to it. */
export function openJobFiles(output: string, place: string): JobFiles {
  const directory = join(output, place);
  const open = (name: string): OutputFile => openOutputFile(join(directory, name), LIMIT);
  const stamped = open('console.log');
  const raw = open('console.raw');
  const stdout = open('stdout.log');
  const stderr = open('stderr.log');
  const results = open('results');
  const files = [
    { name: 'console', file: 'console.log', output: stamped },
    { name: 'console-raw', file: 'console.raw', output: raw },
    { name: 'stdout', file: 'stdout.log', output: stdout },
    { name: 'stderr', file: 'stderr.log', output: stderr },
    { name: 'results', file: 'results', output: results },
  ];
  const stamper = createLineStamper();
  const added: Attachment[] = [];

  return {
    async make() {
      await makeDirectory(directory);
      return realpath(directory);
    },
    results,
    stdout,
    stderr,
    console(chunk) {
      // A guest does not wait for the reader of its console; so nobody here waits for the disk.
      void raw.write(chunk);
      const lines = stamper.write(chunk);
      if (lines.length > 0) void stamped.write(lines);
    },
    add: (name, path) => void added.push({ name, path: join(place, path) }),
    attachments() {
      const own = files.filter(({ output: { exists } }) => exists);
      return [
        ...own.map(({ name, file, output: { truncated } }): Attachment => {
          return { name, path: join(place, file), ...(truncated ? { truncated } : {}) };
        }),
        ...added,
      ];
    },
    warnings() {
      const broken = files.filter(({ output: { error } }) => error !== undefined);
      return broken.map(({ file, output: { error } }) => `${file} is not whole: ${error?.message}`);
    },
    async [Symbol.asyncDispose]() {
      const last = stamper.end();
      if (last.length > 0) void stamped.write(last);
      await Promise.all(files.map(({ output: each }) => each[Symbol.asyncDispose]()));
    },
  };
}
