// ci/kvm-lab: runs a command where /dev/kvm works (docs/lab.md).
import { createWriteStream } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { homedir, constants as osConstants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cacheFolder } from '../cache-folder.mjs';
import { probeKvm, runHere } from './host.mjs';
import { outerMachine } from './machines.mjs';
import { chooseEnvironment, EXIT, hostArch, parseOptions, USAGE, UsageError } from './options.mjs';
import { runOuterGuest } from './outer-guest.mjs';

const CONSOLE_LINES = 40;
const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
const checkout = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');

/** @param {string} line */
function complain(line) {
  process.stderr.write(`kvm-lab: ${line}\n`);
}

/** Aborted by the first SIGINT or SIGTERM, with the signal's name as reason. */
function watchSignals() {
  const controller = new AbortController();
  for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP'])) {
    process.on(signal, () => controller.abort(signal));
  }
  return controller.signal;
}

/** @param {string[]} argv */
async function main(argv) {
  const options = parseOptions(argv);
  if (options === 'help') {
    process.stdout.write(USAGE);
    return 0;
  }
  const interrupted = watchSignals();
  const say = options.quiet ? () => {} : complain;
  const kvm =
    options.arch === hostArch()
      ? await probeKvm(checkout)
      : { usable: false, reason: `this machine is no ${options.arch}` };
  if (kvm.usable && !options.always) {
    say(`${kvm.reason}; running directly`);
    const code = await runHere(options.command, options.timeout, interrupted);
    if (code !== 'timeout') return code;
    complain(`the command did not end within ${options.timeout / 1000} s`);
    return EXIT.timeout;
  }
  say(
    `${kvm.reason}; booting the outer guest (${options.cpus} CPU${options.cpus === 1 ? '' : 's'}, ${options.memory} MiB)`,
  );
  return await runInLab(options, interrupted, say);
}

/** @type {(options: import('./options.mjs').LabOptions, interrupted: AbortSignal, say: (line: string) => void) => Promise<number>} */
async function runInLab(options, interrupted, say) {
  const cache = cacheFolder();
  const { arch } = options;
  const outer = await outerMachine({ arch, checkout, cache, home: homedir(), say });
  const chosen = chooseEnvironment(process.env);
  const path = [...outer.path, chosen['PATH'] ?? DEFAULT_PATH].join(':');
  const env = { ...chosen, PATH: path, VMTEST_CACHE: cache };
  const logPath = options.keep ? join(await mkdtemp(join(tmpdir(), 'kvm-lab-')), 'console.log') : null;
  const consoleLog = logPath ? createWriteStream(logPath) : null;
  if (logPath) complain(`the outer guest's console goes to ${logPath}`);

  for (let attempt = 1; ; attempt++) {
    const result = await runOuterGuest({
      ...options,
      outer,
      checkout,
      cwd: process.cwd(),
      env,
      interrupted,
      consoleLog,
      say,
    });
    switch (result.kind) {
      case 'exit':
        return result.code;
      case 'interrupted':
        return 128 + osConstants.signals[/** @type {NodeJS.Signals} */ (interrupted.reason)];
      case 'timeout':
        showConsole(result.console);
        complain(`the command did not end within ${options.timeout / 1000} s`);
        return EXIT.timeout;
      case 'failed':
        showConsole(result.console);
        complain(`the outer guest: ${result.why}`);
        // Once, and only while the command has not run: a test is never repeated behind its back.
        if (result.started || attempt === 2) return EXIT.lab;
        complain('trying once more');
    }
  }
}

/** @param {string} log */
function showConsole(log) {
  const lines = log.replaceAll('\r', '').trimEnd().split('\n').slice(-CONSOLE_LINES);
  if (lines.join('') === '') return complain("the outer guest's console is empty");
  complain(`the outer guest's console ended with:\n${lines.map((line) => `  | ${line}`).join('\n')}`);
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  complain(error instanceof Error ? error.message : String(error));
  if (error instanceof UsageError) complain('see ci/kvm-lab --help');
  process.exitCode = error instanceof UsageError ? EXIT.usage : EXIT.lab;
}
