// One run of the outer guest: a guest of vmtest itself, under its QEMU engine. It ends with this process, and leaves
// nothing on the disk.
import { existsSync } from 'node:fs';
import { join } from 'node:path';

/** On a quiet machine it boots in 4 s; the engine multiplies this by how much slower its guests are. Milliseconds. */
const BOOT_LIMIT_MS = 30_000;
/** For what is left to do when the command has ended, or is to end: writing back the checkout. Milliseconds. */
const STOP_LIMIT_MS = 20_000;
const CONSOLE_KEPT = 64 * 1024;

/**
 * @typedef {object} OuterGuest
 * @property {import('./machines.mjs').OuterMachine} outer
 * @property {string} checkout absolute path, writable inside
 * @property {string[]} command
 * @property {string} cwd
 * @property {Record<string, string>} env all that the command gets
 * @property {number} cpus
 * @property {string | undefined} cpu model of the emulated CPU; undefined: the engine's
 * @property {number} memory MiB
 * @property {number} timeout milliseconds that the command gets
 * @property {AbortSignal} interrupted
 * @property {import('node:fs').WriteStream | null} consoleLog
 * @property {(line: string) => void} say
 */
/**
 * @typedef {{ kind: 'exit', code: number } | { kind: 'timeout' } | { kind: 'interrupted' }
 *   | { kind: 'failed', why: string, started: boolean }} Outcome
 * @typedef {Outcome & { console: string }} Result
 * @typedef {import('../../runner/index.js').Machine} Machine
 */

/** @param {OuterGuest} guest @returns {Promise<Result>} */
export async function runOuterGuest(guest) {
  const { boot } = await loadVmtest(guest.checkout);
  const progress = { started: false };
  let console = '';
  /** @param {Buffer} bytes */
  const onConsole = (bytes) => {
    guest.consoleLog?.write(bytes);
    console = (console + bytes.toString('latin1')).slice(-CONSOLE_KEPT);
  };
  /** @type {Machine | undefined} */
  let machine;
  try {
    machine = await boot({ ...bootOptions(guest), onConsole });
    const outcome = await runIn(machine, guest, progress);
    return { ...outcome, console };
  } catch (error) {
    if (guest.interrupted.aborted) return { kind: 'interrupted', console };
    if (!isBreakdown(error)) throw error;
    return { kind: 'failed', why: /** @type {Error} */ (error).message, ...progress, console };
  } finally {
    await machine?.[Symbol.asyncDispose]();
  }
}

/** Of the guest itself: another one may do better, where a missing QEMU stays missing. @param {any} error */
const isBreakdown = (error) =>
  ['VMTEST_BOOT_TIMEOUT', 'VMTEST_GUEST_PANIC', 'VMTEST_GUEST_ENDED', 'VMTEST_AGENT_LOST'].includes(error?.code);

/** @param {OuterGuest} guest @returns {import('../../runner/index.js').BootOptions} */
function bootOptions({ outer, cpus, memory, cpu, interrupted, say }) {
  return {
    ...outer.boot,
    engine: 'qemu',
    nested: true,
    cpus,
    memoryMib: memory,
    bootTimeoutMs: BOOT_LIMIT_MS,
    signal: interrupted,
    env: ownEnvironment(cpu),
    onProgress: say,
  };
}

/** @type {(machine: Machine, guest: OuterGuest, progress: { started: boolean }) => Promise<Outcome>} */
async function runIn(machine, guest, progress) {
  const { exitCode, stderr } = await machine.exec(['/bin/sh', '-ec', guest.outer.prepare]).result;
  if (exitCode !== 0) return { kind: 'failed', why: `it cannot be used: ${stderr.trim()}`, ...progress };
  progress.started = true;
  const outcome = await runCommand(machine, guest);
  await writeBack(machine, guest.say);
  return outcome;
}

/** @param {string} checkout @returns {Promise<typeof import('../../runner/index.js')>} */
async function loadVmtest(checkout) {
  const needed = ['dist/runner/index.js', 'build/release/vmm/vmtest-vmm', 'build/release/agent/vmtest-agent'];
  const missing = needed.find((path) => !existsSync(join(checkout, path)));
  if (missing !== undefined) {
    throw new Error(`${missing} is missing: the lab boots its outer guest with vmtest itself; run "npm run build"`);
  }
  return await import(join(checkout, 'dist/runner/index.js'));
}

/** What is tried out in the lab is not what the lab itself is made of. @param {string | undefined} cpu */
function ownEnvironment(cpu) {
  const env = { ...process.env };
  for (const name of ['VMTEST_VMM', 'VMTEST_AGENT', 'VMTEST_ADDON', 'VMTEST_QEMU_CPU']) delete env[name];
  return cpu === undefined ? env : { ...env, VMTEST_QEMU_CPU: cpu };
}

/** @type {(machine: Machine, guest: OuterGuest) => Promise<Outcome>} */
async function runCommand(machine, { command, cwd, env, timeout, interrupted }) {
  const process_ = machine.exec(command, {
    cleanEnv: true,
    env,
    cwd,
    stdin: 'pipe',
    capture: 'none',
    timeoutMs: timeout,
    signal: interrupted,
    killSignal: 'SIGKILL',
    lostAfterMs: STOP_LIMIT_MS,
  });
  process.stdin.on('error', () => process_.stdin.end());
  process_.stdin.on('error', () => {});
  process.stdin.pipe(process_.stdin);
  const outputs = [forward(process_.stdout, process.stdout), forward(process_.stderr, process.stderr)];
  // Why they broke off is what `result` says.
  for (const output of outputs) output.catch(() => {});
  try {
    const { exitCode, signal, timedOut, isCanceled } = await process_.result;
    if (timedOut) return { kind: 'timeout' };
    if (isCanceled) return { kind: 'interrupted' };
    await Promise.all(outputs);
    return { kind: 'exit', code: exitCode ?? 128 + (signal ?? 0) };
  } catch (error) {
    const code = codeOfNoStart(error);
    if (code === undefined) throw error;
    process.stderr.write(`kvm-lab: cannot run ${command[0]} in ${cwd}: ${/** @type {Error} */ (error).message}\n`);
    return { kind: 'exit', code };
  } finally {
    process.stdin.unpipe(process_.stdin);
    process.stdin.destroy();
  }
}

/** As shells have it; undefined for what is no trouble of the command's. @param {any} error */
function codeOfNoStart(error) {
  if (error?.code !== 'VMTEST_AGENT_EXEC') return undefined;
  const { stage, errno } = error.context;
  if (stage === 'cwd') return 125;
  return errno === 'ENOENT' ? 127 : 126;
}

/**
 * Copies with back-pressure. When nobody reads our output any more (a closed pipe) the command goes on unseen, as its
 * own writes would not fail either.
 * @type {(source: import('node:stream').Readable, target: NodeJS.WriteStream) => Promise<void>}
 */
async function forward(source, target) {
  let open = true;
  target.on('error', () => {
    open = false;
  });
  for await (const chunk of source) {
    if (open && !target.write(chunk)) await drainedOrClosed(target);
  }
}

/** @type {(target: NodeJS.WriteStream) => Promise<void>} */
function drainedOrClosed(target) {
  return new Promise((resolve) => {
    const done = () => {
      target.off('drain', done).off('close', done);
      resolve();
    };
    target.on('drain', done).on('close', done);
  });
}

/** What the command left running ends with the guest. @type {(machine: Machine, say: (line: string) => void) => Promise<void>} */
async function writeBack(machine, say) {
  const limit = AbortSignal.timeout(STOP_LIMIT_MS);
  await machine.powerOff({ signal: limit }).catch((error) => {
    say(`warning: the outer guest did not power off, the checkout may lack what was written last: ${error.message}`);
  });
}
