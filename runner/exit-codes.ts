/**
 * The exit codes of `vmtest`: the one table, which the help prints and the README repeats. What the
 * guest's command says itself comes through unchanged, so 0 to 118 are its own in practice.
 */
export const ExitCode = {
  ok: 0,
  usage: 2,
  /** Of runs of a plan and of reports: only the host failed. */
  hostFailed: 3,
  splat: 119,
  guestPanic: 120,
  bootTimeout: 121,
  guestEnded: 122,
  commandTimeout: 124,
  infrastructure: 125,
  commandNotStarted: 126,
  commandNotFound: 127,
  interrupted: 130,
} as const;

/** The exit code of a command that a signal ended, as shells have it. */
export const exitCodeOfSignal = (signal: number): number => 128 + signal;

export const EXIT_CODE_TABLE: readonly (readonly [code: string, meaning: string])[] = [
  ["the command's", 'the command ran and ended with it'],
  ['128+N', 'signal N ended the command'],
  [`${ExitCode.usage}`, 'bad arguments, or a bad kernel, initrd, disk or root; no guest was started'],
  [`${ExitCode.splat}`, 'the kernel reported a fault (oops, WARNING, KASAN, ...) and --fail-on-splat was given'],
  [`${ExitCode.guestPanic}`, "the guest's kernel panicked"],
  [`${ExitCode.bootTimeout}`, 'the guest was not ready within --boot-timeout'],
  [`${ExitCode.guestEnded}`, 'the guest ended before the command did: power-off, reset, triple fault, ...'],
  [`${ExitCode.commandTimeout}`, 'the command did not end within --timeout'],
  [
    `${ExitCode.infrastructure}`,
    'the host or vmtest itself failed: no usable KVM, no network for a download, nothing to copy out, ...',
  ],
  [`${ExitCode.commandNotStarted}`, 'the guest could not start the command: no permission, not a program, ...'],
  [`${ExitCode.commandNotFound}`, 'there is no such command in the guest'],
  [`${ExitCode.interrupted}`, 'interrupted by SIGINT, SIGTERM or SIGHUP'],
  [`${exitCodeOfSignal(13)}`, 'nobody reads the output (as a signal SIGPIPE)'],
];
