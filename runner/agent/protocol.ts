/** The agent protocol's numbers: docs/agent-protocol.md; the other side is native/agent/protocol.h. */

export const PROTOCOL_VERSION = 2;
/** Both the guest's port for operations and the host's port for the ready stream. */
export const AGENT_PORT = 1024;
export const FRAME_HEADER = 5;
export const MAX_PAYLOAD = 64 * 1024;
export const MAX_EXEC_PAYLOAD = 1024 * 1024;
/** What the agent may send of one output stream before the client has taken any of it. */
export const OUTPUT_WINDOW = 1024 * 1024;
export const MAX_GRACE_MS = 60_000;
export const MAX_NAME = 255;
/** Directories on the way down a tree. */
export const MAX_DEPTH = 512;
/** Things that one tree may leave out. */
export const MAX_SKIPPED = 100_000;
/** PATH_MAX of Linux, without the NUL. */
export const MAX_PATH = 4095;
/** What one GLOB may answer. */
export const MAX_MATCHES = 10_000;
export const MAX_MATCH_BYTES = 1024 * 1024;

export const FrameType = {
  hello: 0x01,
  error: 0x02,
  ok: 0x03,
  pong: 0x04,
  measured: 0x05,
  exec: 0x10,
  putFile: 0x11,
  getFile: 0x12,
  putTree: 0x13,
  getTree: 0x14,
  setClock: 0x15,
  power: 0x16,
  ping: 0x17,
  glob: 0x18,
  measure: 0x19,
  started: 0x20,
  stdin: 0x21,
  stdinEof: 0x22,
  stdinClosed: 0x23,
  stdout: 0x24,
  stderr: 0x25,
  window: 0x26,
  signal: 0x27,
  resize: 0x28,
  exit: 0x29,
  outputEof: 0x2a,
  entry: 0x30,
  data: 0x31,
  hole: 0x32,
  fileEnd: 0x33,
  leave: 0x34,
  skipped: 0x35,
  match: 0x36,
} as const;

export const ExecFlag = { cleanEnv: 1, stdin: 2, pty: 4 } as const;
export const TransferFlag = { owner: 1, parents: 2, times: 4 } as const;
export const GlobFlag = { literal: 1 } as const;
export const MatchKind = { other: 0, file: 1, directory: 2 } as const;
export const EntryKind = { file: 1, directory: 2, symlink: 3 } as const;
export const PowerAction = { powerOff: 0, reboot: 1, halt: 2 } as const;

/** The longest payload that a frame of this type may have. */
export function payloadLimit(type: number): number {
  return type === FrameType.exec ? MAX_EXEC_PAYLOAD : MAX_PAYLOAD;
}
