/** Lines of a stack trace, of x86 and arm64, to frames. */
import type { Frame } from './fault.js';

/**
 * `%pS` and `%pBb` of lib/vsprintf.c (kernel/kallsyms.c: `__sprint_symbol`): name+offset/size, module, build id.
 * arm64 says behind it where the unwinder had it from, as `(P)` (arch/arm64/kernel/stacktrace.c).
 */
const SYMBOL = String.raw`(?<fn>[A-Za-z_$][\w.$]*)\+(?<offset>0x[\da-f]{1,8})/(?<size>0x[\da-f]{1,8})(?: \[(?<module>[\w-]+)(?: [\da-f]+)?\])?(?: \([A-Z]{1,4}\))?`;

/** `? ` marks what was only found on the stack (arch/x86/kernel/dumpstack.c: `printk_stack_address`). */
const STACK = new RegExp(String.raw`^(?:kmemleak:)?\s*(?:\[<[\da-f]+>\]\s+)?(?<guess>\? )?${SYMBOL}$`);

/** `RIP: 0010:foo` (`show_ip`), `pc : foo` (arch/arm64/kernel/process.c: `__show_regs`). */
const POINTER = new RegExp(String.raw`^(?:RIP: \w{4}:(?:\[<[\da-f]+>\]\s+)*|pc : )${SYMBOL}$`);

export interface FrameLine {
  frame: Frame;
  /** Where the CPU was; anything else is where a call returns to. */
  kind: 'pointer' | 'stack' | 'guess';
}

export function parseFrame(text: string): FrameLine | undefined {
  // Nearly every line of a console ends here.
  if (!text.includes('+0x')) return undefined;
  const pointer = POINTER.exec(text);
  const groups = (pointer ?? STACK.exec(text))?.groups;
  if (groups === undefined) return undefined;
  const { fn, offset, size, module, guess } = groups;
  const frame: Frame = { function: fn ?? '', offset: Number(offset), size: Number(size) };
  if (module !== undefined) frame.module = module;
  if (pointer === null) return { frame, kind: guess === undefined ? 'stack' : 'guess' };
  frame.exact = true;
  return { frame, kind: 'pointer' };
}

/** What a compiler appends to the name of a function that it changed; it comes and goes with the compiler. */
export const plainFunction = (name: string): string =>
  name.replace(/\.(?:isra|constprop|part|cold|llvm|lto_priv|localalias)\b.*$/, '');
