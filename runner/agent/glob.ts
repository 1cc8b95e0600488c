/** GLOB: which paths of the guest fit a pattern. */
import { VmtestError } from '../errors.js';
import { protocolError } from './agent-error.js';
import { FrameBuilder, PayloadReader } from './codec.js';
import { isPattern, nameMatcher, unquote } from './glob-pattern.js';
import { type Connect, Operation, type OperationOptions } from './operation.js';
import { FrameType, GlobFlag, MAX_MATCH_BYTES, MAX_MATCHES, MAX_PATH, MatchKind } from './protocol.js';

export interface GlobOptions extends OperationOptions {
  /** The pattern is a path and nothing else: at most one match. Default: false. */
  literal?: boolean;
}

/** A path of the guest that exists. */
export interface GlobMatch {
  /** Absolute. Bytes: a guest's names need not be UTF-8. */
  path: Buffer;
  /** What it leads to, links followed; `other` is also a link that leads nowhere. */
  kind: 'file' | 'directory' | 'other';
}

/**
 * The paths of the guest that fit an absolute pattern, sorted bytewise. A path that exists is the one match, also when it
 * could be read as a pattern. Fails with `VMTEST_AGENT_IO` (`E2BIG`) for more than 10000 paths or a mebibyte of them.
 */
export async function glob(connect: Connect, pattern: string, options: GlobOptions): Promise<GlobMatch[]> {
  if (Buffer.byteLength(pattern) > MAX_PATH) {
    throw new VmtestError('VMTEST_USAGE', `a path of the guest has at most ${MAX_PATH} bytes`);
  }
  const literal = options.literal === true;
  await using operation = await Operation.open(`looking for ${pattern}`, connect, options);
  await operation.send(
    new FrameBuilder(FrameType.glob)
      .string(pattern)
      .u8(literal ? GlobFlag.literal : 0)
      .build(),
  );
  const fits = matchChecker(pattern, literal);
  const matches: GlobMatch[] = [];
  let bytes = 0;
  while (true) {
    const { type, payload } = await operation.read();
    if (type === FrameType.ok && payload.length === 0) return matches;
    if (type !== FrameType.match) throw protocolError(`a frame of type ${type} among matches`);
    const match = readMatch(payload);
    bytes += match.path.length;
    if (matches.length === MAX_MATCHES || bytes > MAX_MATCH_BYTES)
      throw protocolError('more matches than there may be');
    if (!fits(match.path, matches.length)) {
      throw protocolError(`the match ${JSON.stringify(match.path.toString())}, which does not fit what was asked for`);
    }
    matches.push(match);
  }
}

function readMatch(payload: Buffer): GlobMatch {
  const reader = new PayloadReader(payload);
  const kind = reader.u8();
  const path = reader.bytes();
  reader.end();
  if (path[0] !== 0x2f || path.length > MAX_PATH || path.includes(0) || kind > MatchKind.directory) {
    throw protocolError('a malformed match');
  }
  return { path, kind: kind === MatchKind.file ? 'file' : kind === MatchKind.directory ? 'directory' : 'other' };
}

/**
 * A match gives a file on the host its name: a guest that was asked for `*.log` shall not be able to say `Makefile`. What
 * stands before the name matters to nobody but the guest.
 */
function matchChecker(pattern: string, literal: boolean): (path: Buffer, index: number) => boolean {
  const asSent = Buffer.from(pattern);
  if (literal) return (path, index) => index === 0 && path.equals(asSent);
  if (!isPattern(pattern)) {
    const collapse = (path: string): string => path.replace(/\/+/g, '/').replace(/(.)\/$/, '$1');
    const plain = collapse(unquote(pattern));
    return (path, index) => index === 0 && (path.equals(asSent) || path.toString() === plain);
  }
  const fits = nameMatcher(pattern);
  return (path, index) => (index === 0 && path.equals(asSent)) || fits(path.subarray(path.lastIndexOf('/') + 1));
}
