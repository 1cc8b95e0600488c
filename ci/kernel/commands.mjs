// Runs the commands of the build: none outlives this process, and all end when the time is up.
import { spawn } from 'node:child_process';
import { open, readFile } from 'node:fs/promises';

const LOG_LINES = 30;

/**
 * @typedef {object} Shop where and how commands are run
 * @property {string} directory
 * @property {string} log the file that gets what they print
 * @property {AbortSignal} signal
 */

/** Throws with the end of what it printed. @type {(shop: Shop, command: string[]) => Promise<void>} */
export async function execute({ directory, log, signal }, command) {
  signal.throwIfAborted();
  const output = await open(log, 'w');
  // A process group of its own, so that all of it can be ended; by the kernel, should we be killed. Everything
  // else on this machine goes first.
  const words = ['--pdeathsig', 'TERM', 'nice', '-n', '10', ...command];
  const child = spawn('setpriv', words, {
    cwd: directory,
    detached: true,
    stdio: ['ignore', output.fd, output.fd],
    env: { ...process.env, LC_ALL: 'C', KBUILD_BUILD_USER: 'vmtest', KBUILD_BUILD_HOST: 'vmtest' },
  });
  const end = () => child.pid !== undefined && process.kill(-child.pid, 'SIGTERM');
  signal.addEventListener('abort', end);
  try {
    const status = await new Promise((resolve, reject) => {
      child.on('error', reject);
      child.on('exit', (code, by) => resolve(code ?? by));
    });
    signal.throwIfAborted();
    if (status === 0) return;
    const printed = (await readFile(log, 'utf8')).trimEnd().split('\n').slice(-LOG_LINES);
    throw new Error(`${command.join(' ')} ended with ${status}:\n${printed.map((line) => `  | ${line}`).join('\n')}`);
  } finally {
    signal.removeEventListener('abort', end);
    await output.close();
  }
}
