/** Commands in a running machine, their output read to the end. */
import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';
import { finished } from 'node:stream/promises';
import type { Machine } from '../../runner/index.js';

export interface Output {
  exitCode: number | undefined;
  stdout: string;
  stderr: string;
}

/** Runs a shell script in the guest. */
export async function sh(machine: Pick<Machine, 'exec'>, script: string, input?: string): Promise<Output> {
  const process = machine.exec(['sh', '-c', script], input === undefined ? {} : { input });
  const { exitCode, stdout, stderr } = await process.result;
  return { exitCode, stdout: String(stdout), stderr: String(stderr) };
}

/** The SHA-256 of everything that comes, and how much it was. */
export async function digest(stream: Readable): Promise<{ sha256: string; bytes: number }> {
  const hash = createHash('sha256');
  let bytes = 0;
  stream.on('data', (chunk: Buffer) => {
    hash.update(chunk);
    bytes += chunk.length;
  });
  await finished(stream, { writable: false });
  return { sha256: hash.digest('hex'), bytes };
}
