/** `--copy-in SRC:DST` and `--copy-out SRC:DST` as values. Pure. */
import { VmtestError } from '../errors.js';

export interface CopySpec {
  /** As it was written, for messages. */
  text: string;
  source: string;
  destination: string;
}

export interface Copies {
  copyIn?: CopySpec[];
  copyOut?: CopySpec[];
}

/** What a path of Linux can have. */
const MAX_PATH = 4095;

/** Both flags of a command line; a flag that was not given is absent. Throws `VMTEST_USAGE`. */
export function parseCopies(flags: { copyIn?: string[]; copyOut?: string[] }): Copies {
  const copies: Copies = {};
  if (flags.copyIn !== undefined) copies.copyIn = flags.copyIn.map(parseCopyIn);
  if (flags.copyOut !== undefined) copies.copyOut = flags.copyOut.map(parseCopyOut);
  return copies;
}

const fail = (flag: string, text: string, why: string): VmtestError =>
  new VmtestError('VMTEST_USAGE', `${flag}: "${text}" ${why}`);

/** At the last `:/`, because what comes into a guest goes to an absolute path; a colon of the host's path is no trouble. */
function parseCopyIn(text: string): CopySpec {
  const flag = '--copy-in';
  const at = separator(text, [...text.matchAll(/:(?=\/)/g)].reverse());
  if (at === undefined) {
    throw fail(flag, text, 'names no absolute path of the guest; write SRC:/DST');
  }
  return checked(flag, text, at, (source, destination) => ({
    source,
    destination: destination.replaceAll('\\:', ':'),
    inGuest: destination,
  }));
}

/** At the first colon: the guest's path, which is absolute, comes first. */
function parseCopyOut(text: string): CopySpec {
  const flag = '--copy-out';
  const at = separator(text, [...text.matchAll(/:/g)]);
  if (at === undefined) throw fail(flag, text, 'names no path of the host; write /SRC:DST');
  const spec = checked(flag, text, at, (source, destination) => ({ source, destination, inGuest: source }));
  if (!spec.source.startsWith('/')) throw fail(flag, text, `does not begin with an absolute path of the guest`);
  return spec;
}

/** The first of the colons that is not written `\:`. */
function separator(text: string, colons: readonly RegExpMatchArray[]): number | undefined {
  return colons.map(({ index = 0 }) => index).find((index) => text[index - 1] !== '\\');
}

function checked(
  flag: string,
  text: string,
  at: number,
  read: (source: string, destination: string) => Omit<CopySpec, 'text'> & { inGuest: string },
): CopySpec {
  const { inGuest, ...sides } = read(text.slice(0, at), text.slice(at + 1));
  if (sides.source === '') throw fail(flag, text, 'has nothing before the colon; write SRC:DST');
  if (sides.destination === '') throw fail(flag, text, 'has nothing behind the colon; write SRC:DST');
  if (text.includes('\0')) throw fail(flag, text, 'contains a NUL character');
  if (Buffer.byteLength(inGuest) > MAX_PATH) throw fail(flag, text, `has a path of more than ${MAX_PATH} bytes`);
  return { text, ...sides };
}
