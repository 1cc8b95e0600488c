/** `--mount HOST:GUEST[:MODE]` as a value. Pure. */
import { MOUNT_MODES, type MountSpec } from '../engine/guest.js';
import { usage } from './parse-tools.js';

/** At the last `:/`, because the guest's path is absolute: a colon of the host's path is no trouble. */
export function parseMount(text: string): MountSpec {
  const fail = (why: string) =>
    usage(`--mount: "${text}" ${why}; write HOST:/GUEST, or that with :ro, :rw or :exclusive`);
  const mode = MOUNT_MODES.find((known) => text.endsWith(`:${known}`));
  const paths = mode === undefined ? text : text.slice(0, -mode.length - 1);
  const at = paths.lastIndexOf(':/');
  if (at < 0) throw fail('names no absolute path of the guest');
  const [host, guest] = [paths.slice(0, at), paths.slice(at + 1)];
  if (host === '') throw fail('names no directory of the host');
  if (guest.includes(':')) throw fail(`has no mode behind ${guest.slice(0, guest.indexOf(':'))}`);
  return { host, guest, mode: mode ?? 'ro' };
}
