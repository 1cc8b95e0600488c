/** Which frames of a report are the stack that the fault happened on. */
import type { Frame } from './fault.js';
import { parseFrame } from './frames.js';

const MAX_FRAMES = 64;

/** arch/x86/kernel/dumpstack.c: show_trace_log_lvl; arch/arm64/kernel/stacktrace.c: dump_backtrace */
const TRACE = /^(?:Call [Tt]race|Backtrace)\s*:/;
/** What may stand between the frames of one trace: other stacks, and the registers of what was interrupted. */
const WITHIN = /^ ?<\/?\w+>$|^(?:RIP|RSP|EIP|RAX|RBX|RDX|RBP|R\d\d|FS|CS|CR2|DR\d|Code|ORIG_RAX|PKRU)\s?:|^\s*$/;

export interface Stack {
  /** Says whether the line belonged to a trace. */
  line(text: string): boolean;
  /** A trace was there, and is over as far as can be seen. */
  readonly complete: boolean;
  /** A trace, or a frame without one, was there. */
  readonly begun: boolean;
  frames(): Frame[];
}

/**
 * The first trace counts, and the RIP or pc above it; where no line says that a trace begins, the first frames that
 * follow each other. `interrupted`: what stands above the first RIP is the interrupt that told of the fault.
 */
export function createStack(interrupted: boolean): Stack {
  let state: 'before' | 'in' | 'after' = 'before';
  let pointer: Frame | undefined;
  const sure: Frame[] = [];
  const guessed: Frame[] = [];
  const loose: Frame[] = [];
  let looseState: 'before' | 'in' | 'after' = 'before';
  /** x86 encloses its stacks: `<TASK>` ... `</TASK>`; arm64 does not. */
  let enclosed = false;

  const add = (list: Frame[], frame: Frame): void => {
    if (list.length < MAX_FRAMES) list.push(frame);
  };
  const setPointer = (frame: Frame): void => {
    if (pointer === undefined && (state === 'before' || interrupted)) {
      pointer = frame;
      sure.length = 0;
      guessed.length = 0;
      if (state === 'after') state = 'before';
    } else if (state === 'in') {
      add(sure, frame);
    }
  };

  return {
    line(text) {
      const parsed = parseFrame(text);
      if (parsed?.kind === 'pointer') {
        setPointer(parsed.frame);
        return true;
      }
      if (parsed !== undefined) {
        if (state === 'in') add(parsed.kind === 'guess' ? guessed : sure, parsed.frame);
        else if (state === 'before' && looseState !== 'after') {
          looseState = 'in';
          add(loose, parsed.frame);
        }
        return true;
      }
      if (TRACE.test(text)) {
        if (state === 'before') state = 'in';
        return true;
      }
      if (/^ ?<\/?\w+>$/.test(text)) enclosed = !text.includes('/');
      if (WITHIN.test(text)) return true;
      if (state === 'in' && sure.length + guessed.length > 0) state = 'after';
      if (looseState === 'in') looseState = 'after';
      return false;
    },
    get complete() {
      if (state === 'before') return looseState !== 'before';
      return state === 'after' || (!enclosed && sure.length + guessed.length > 0);
    },
    get begun() {
      return state !== 'before' || looseState !== 'before';
    },
    frames() {
      const trace = [sure, guessed, loose].find((list) => list.length > 0) ?? [];
      if (pointer === undefined) return trace;
      // arm64 begins its trace with the function that pc is in.
      const repeated = trace[0]?.function === pointer.function && trace[0].offset === pointer.offset;
      return [pointer, ...(repeated ? trace.slice(1) : trace)];
    },
  };
}
