// Running the tools: their output goes straight through, what comes back is whether they succeeded.
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');

/**
 * @typedef {{ cwd?: string, env?: Record<string, string>, quiet?: boolean, prefix?: string }} RunOptions
 * quiet: the output is kept, and shown only when the command fails. prefix: put before every line of the
 * output, for commands that run side by side.
 */

/** @type {(command: string[], options?: RunOptions) => Promise<boolean>} */
export async function run(command, options) {
  return (await exitCodeOf(command, options)) === 0;
}

/**
 * @type {(command: string[], options?: RunOptions) => Promise<number | null>}
 * null when the command could not be run, or a signal ended it.
 */
export function exitCodeOf([file = '', ...args], { cwd = root, env = {}, quiet = false, prefix } = {}) {
  return new Promise((resolve) => {
    const output = quiet || prefix !== undefined ? 'pipe' : 'inherit';
    /** @type {import('node:child_process').SpawnOptions} */
    const options = { cwd, env: { ...process.env, ...env }, stdio: ['ignore', output, output] };
    const child = spawn(file, args, options);
    /** @type {Buffer[]} */
    const kept = [];
    for (const stream of [child.stdout, child.stderr]) {
      if (quiet) stream?.on('data', (bytes) => kept.push(bytes));
      else if (stream) createInterface({ input: stream }).on('line', (line) => console.log(`${prefix}${line}`));
    }
    child.on('error', (error) => {
      console.log(`test_all: cannot run ${file}: ${error.message}`);
      resolve(null);
    });
    child.on('close', (code) => {
      if (code !== 0 && quiet) process.stdout.write(Buffer.concat(kept));
      resolve(code);
    });
  });
}

/**
 * What a command prints on stdout, without the line's end; undefined when it fails. Its stderr goes through.
 * @type {(command: string[], env?: Record<string, string>) => Promise<string | undefined>}
 */
export function outputOf([file = '', ...args], env = {}) {
  return new Promise((resolve) => {
    const child = spawn(file, args, {
      cwd: root,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    /** @type {Buffer[]} */
    const chunks = [];
    child.stdout.on('data', (bytes) => chunks.push(bytes));
    child.on('error', () => resolve(undefined));
    child.on('close', (code) => resolve(code === 0 ? Buffer.concat(chunks).toString().trimEnd() : undefined));
  });
}

/**
 * `work` over all items, `width` at a time.
 * @template T
 * @param {Iterable<T>} items
 * @param {number} width
 * @param {(item: T) => Promise<void>} work
 */
export async function inParallel(items, width, work) {
  const queue = items[Symbol.iterator]();
  const worker = async () => {
    for (let next = queue.next(); !next.done; next = queue.next()) await work(next.value);
  };
  await Promise.all(Array.from({ length: width }, worker));
}
