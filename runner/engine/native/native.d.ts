/**
 * The Node-API addon (native/addon), typed by hand: the whole border between TypeScript and C++.
 *
 * Plain values in, plain values out. A function that fails throws an `Error` with a `code`
 * (`ADDON_INVALID_ARGUMENT`, `ADDON_SYSTEM`, `ADDON_CLOSED`) and, for system calls, `errno` (a name
 * like `ENOENT`) and `syscall`. Descriptors given to the addon stay the caller's.
 *
 * It works in worker threads. When a worker ends, its children's channels are closed, and those that
 * still run two seconds later are killed; when the process ends, the kernel closes the channels.
 */

/** How a child process ended. Exactly one of the two is not null, as with `child_process`. */
export interface ProcessExit {
  code: number | null;
  /** Number of the signal that ended it. */
  signal: number | null;
}

/** What an exception of the addon has, and `onChannelEnd`'s error (its code is `ADDON_PROTOCOL`). */
export interface AddonError extends Error {
  code: 'ADDON_INVALID_ARGUMENT' | 'ADDON_SYSTEM' | 'ADDON_CLOSED' | 'ADDON_PROTOCOL';
  errno?: string;
  syscall?: string;
}

/**
 * The callbacks come on the JavaScript thread, in the order: messages, the channel's end, the exit.
 * An exception in one becomes an `uncaughtException`. A receiver that is slow holds the child back:
 * at most 64 packets wait in memory.
 */
export interface SpawnOptions {
  /** Absolute path of the executable. */
  file: string;
  /** Arguments after argv[0]. */
  args: readonly string[];
  /** The whole environment, as `NAME=value`. */
  env: readonly string[];
  /** A descriptor that becomes the child's standard error; default: /dev/null. */
  stderr?: number;
  /** One packet from the child's fd 3. The descriptors are the receiver's to close. */
  onMessage(text: string, fds: number[]): void;
  /**
   * The child closed its end of fd 3, or broke the packet rules (`error` says how; our end is closed
   * then too). Called once, and before `onExit`; not called after `closeChannel()`.
   */
  onChannelEnd(error: Error | null): void;
  /** The child has ended and was reaped. Called once, after the last `onMessage`. */
  onExit(exit: ProcessExit): void;
}

/** A child process with a packet channel on fd 3. It keeps Node alive until it has ended. */
export interface Child {
  readonly pid: number;
  /**
   * Sends one packet, of 1 byte to 64 KiB in UTF-8 and at most 64 descriptors; these are duplicated
   * on the way and stay the caller's. Never blocks: what the kernel does not take at once is queued,
   * in order. To a child that has gone it does nothing: `onChannelEnd` says so. Throws `ADDON_CLOSED`
   * after `closeChannel()`.
   */
  send(text: string, fds: readonly number[]): void;
  /**
   * Closes our end of fd 3, and drops what is still queued. `vmtest-vmm` then ends. No callback but
   * `onExit` comes after it. Safe to call twice.
   */
  closeChannel(): void;
  /** Sends a signal through the pidfd: never to a recycled pid. False when it has ended already. */
  kill(signal: number): boolean;
}

/**
 * Starts a program with one end of a SOCK_SEQPACKET socketpair as fd 3 and nothing else inherited
 * but /dev/null as stdin and stdout, in a session of its own: a terminal's Ctrl-C does not reach it.
 * Throws when it cannot be started (`errno` ENOENT, EACCES, ...).
 */
export function spawnWithChannel(options: SpawnOptions): Child;

/** A connected pair of close-on-exec AF_UNIX stream sockets; both are the caller's. */
export function streamPair(): [number, number];

/** A read-write file without a name in `directory`: gone when its last descriptor closes. */
export function temporaryFile(directory: string): number;

/** Closes a descriptor above 2 that no JavaScript stream owns. */
export function closeFd(fd: number): void;
