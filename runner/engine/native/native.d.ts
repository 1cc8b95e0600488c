/**
 * The Node-API addon (native/addon), typed by hand: the whole border between TypeScript and C++.
 *
 * Plain values in, plain values out. A function that fails throws an `Error` with a `code`
 * (`ADDON_INVALID_ARGUMENT`, `ADDON_SYSTEM`, `ADDON_CLOSED`) and, for system calls, `errno` and
 * `syscall`. Descriptors given to the addon stay the caller's unless it says "takes over".
 */

/** How a child process ended. Exactly one of the two is not null, as with `child_process`. */
export interface ProcessExit {
  code: number | null;
  /** Number of the signal that ended it. */
  signal: number | null;
}

export interface SpawnOptions {
  /** Absolute path of the executable. */
  file: string;
  /** Arguments after argv[0]. */
  args: readonly string[];
  /** The whole environment, as `NAME=value`. */
  env: readonly string[];
  /** A descriptor that becomes the child's standard error; default: /dev/null. */
  stderr?: number;
  /**
   * One packet from the child's fd 3. The descriptors are the receiver's to close. Called on the
   * JavaScript thread, in order.
   */
  onMessage(text: string, fds: number[]): void;
  /** The child closed its end of fd 3, or broke the packet rules (`error` says how). Called once. */
  onChannelEnd(error: Error | null): void;
  /** The child has ended and was reaped. Called once, after the last `onMessage`. */
  onExit(exit: ProcessExit): void;
}

/** A child process with a packet channel on fd 3. It keeps Node alive until it has ended. */
export interface Child {
  readonly pid: number;
  /**
   * Sends one packet; the descriptors are duplicated on the way and stay the caller's. Never
   * blocks: what the kernel does not take at once is queued, in order.
   */
  send(text: string, fds: readonly number[]): void;
  /** Closes our end of fd 3. `vmtest-vmm` then ends. Safe to call twice. */
  closeChannel(): void;
  /** Sends a signal through the pidfd: never to a recycled pid. False when it has ended already. */
  kill(signal: number): boolean;
}

/**
 * Starts a program with one end of a SOCK_SEQPACKET socketpair as fd 3 and nothing else inherited
 * but /dev/null as stdin and stdout. Throws when it cannot be started (`errno` ENOENT, EACCES, ...).
 */
export function spawnWithChannel(options: SpawnOptions): Child;

/** A connected pair of close-on-exec AF_UNIX stream sockets; both are the caller's. */
export function streamPair(): [number, number];

/** An unlinked read-write file in `directory` (O_TMPFILE): gone when its last descriptor closes. */
export function temporaryFile(directory: string): number;

/** Closes a descriptor that no JavaScript stream owns. */
export function closeFd(fd: number): void;
