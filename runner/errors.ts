/** Facts that belong to an error, for a program that wants more than the message. */
export type ErrorContext = Readonly<Record<string, unknown>>;

export interface VmtestErrorOptions {
  /** The error that led to this one. */
  cause?: unknown;
  context?: Record<string, unknown>;
}

/**
 * An error that a user can meet. `code` is stable and made for programs (`VMTEST_USAGE`,
 * `VMTEST_KERNEL`, ...); the message is one line made for people: what happened, why, what to do next.
 */
export class VmtestError extends Error {
  override readonly name = 'VmtestError';
  readonly code: string;
  readonly context: ErrorContext;

  /** Also those of another copy of this module: each bundle of the command has one. */
  static override [Symbol.hasInstance](value: unknown): boolean {
    if (typeof value !== 'object' || value === null) return false;
    const { name, code } = value as Partial<VmtestError>;
    return value instanceof Error && name === 'VmtestError' && typeof code === 'string';
  }

  constructor(code: string, message: string, options: VmtestErrorOptions = {}) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined);
    this.code = code;
    this.context = options.context ?? {};
  }
}
