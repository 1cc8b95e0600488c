// Running the tools: their output goes straight through, what comes back is whether they succeeded.
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');

/**
 * @typedef {{ cwd?: string, env?: Record<string, string>, quiet?: boolean }} RunOptions
 * quiet: the output is kept, and shown only when the command fails.
 */

/** @type {(command: string[], options?: RunOptions) => Promise<boolean>} */
export function run([file = '', ...args], { cwd = root, env = {}, quiet = false } = {}) {
  return new Promise((resolve) => {
    const output = quiet ? 'pipe' : 'inherit';
    /** @type {import('node:child_process').SpawnOptions} */
    const options = { cwd, env: { ...process.env, ...env }, stdio: ['ignore', output, output] };
    const child = spawn(file, args, options);
    /** @type {Buffer[]} */
    const kept = [];
    for (const stream of [child.stdout, child.stderr]) stream?.on('data', (bytes) => kept.push(bytes));
    child.on('error', (error) => {
      console.log(`test_all: cannot run ${file}: ${error.message}`);
      resolve(false);
    });
    child.on('close', (code) => {
      if (code !== 0 && quiet) process.stdout.write(Buffer.concat(kept));
      resolve(code === 0);
    });
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
