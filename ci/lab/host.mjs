// What this machine's own KVM can do, and running a command on the machine itself.
import { execFile, spawn } from 'node:child_process';
import { constants } from 'node:fs';
import { access, readFile } from 'node:fs/promises';
import { constants as osConstants } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

/**
 * Our own probe runs a payload and so tells a KVM that works from one that interprets. Before it is built,
 * the CPU's flags have to do.
 * @param {string} checkout
 * @returns {Promise<{ usable: boolean, reason: string }>}
 */
export async function probeKvm(checkout) {
  const vmm = process.env['VMTEST_VMM'] ?? join(checkout, 'build/release/vmm/vmtest-vmm');
  if (await readable(vmm, constants.X_OK)) {
    const { stdout } = await promisify(execFile)(vmm, ['--probe-kvm'], { timeout: 30_000 }).catch((error) => error);
    const answer = parseProbe(stdout);
    if (answer) return answer;
  }
  if (!(await readable('/dev/kvm', constants.R_OK | constants.W_OK))) {
    return { usable: false, reason: 'this machine has no /dev/kvm that we may open' };
  }
  const flags = await readFile('/proc/cpuinfo', 'utf8');
  return /^flags\s*:.*\b(svm|vmx)\b/m.test(flags)
    ? { usable: true, reason: "this machine's CPU has virtualization extensions" }
    : { usable: false, reason: "this machine's CPU has no virtualization extensions" };
}

/** @param {unknown} stdout */
function parseProbe(stdout) {
  try {
    const { status, message } = JSON.parse(String(stdout));
    return { usable: status === 'usable', reason: `KVM is ${status}: ${message}` };
  } catch {
    return null;
  }
}

/** @type {(command: string[], timeout: number, interrupted: AbortSignal) => Promise<number | 'timeout'>} */
export function runHere([file = '', ...args], timeout, interrupted) {
  return new Promise((resolve) => {
    const child = spawn(file, args, { stdio: 'inherit' });
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      child.kill('SIGKILL');
    }, timeout);
    interrupted.addEventListener('abort', () => child.kill(interrupted.reason));
    child.on('error', (error) => {
      clearTimeout(timer);
      process.stderr.write(`kvm-lab: cannot run ${file}: ${error.message}\n`);
      resolve('code' in error && error.code === 'ENOENT' ? 127 : 126);
    });
    child.on('exit', (code, signal) => {
      clearTimeout(timer);
      resolve(late ? 'timeout' : (code ?? 128 + osConstants.signals[signal ?? 'SIGKILL']));
    });
  });
}

/** @type {(path: string, mode: number) => Promise<boolean>} */
function readable(path, mode) {
  return access(path, mode).then(
    () => true,
    () => false,
  );
}
