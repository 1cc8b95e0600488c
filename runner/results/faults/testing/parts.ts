/** What many reports have in common. */
import type { FaultType } from '../fault.js';

export interface Excerpt {
  name: string;
  type: FaultType;
  title: string;
  /** Without prefixes. */
  lines: string;
  /** The functions of the stack, as far as they are looked at. */
  frames?: readonly string[];
  taint?: string;
  panic?: string;
}

export const CPU = 'CPU: 1 PID: 123 Comm: test Not tainted 6.1.0 #1\nHardware name: none';
export const END = '---[ end trace 0000000000000000 ]---';
export const CUT = '------------[ cut here ]------------';
export const RULER = '==================================================================';
/** x86: what dump_stack() prints. */
export const dump = (...frames: string[]) =>
  [CPU, 'Call Trace:', ' <TASK>', ...frames.map((frame) => ` ${frame}+0x12/0x34`), ' </TASK>'].join('\n');
/** x86: show_regs() of an oops, with the RIP of the first. */
export const regs = (rip: string, ...frames: string[]) =>
  [
    CPU,
    `RIP: 0010:${rip}+0x1a/0x20`,
    'Code: 90 90 <0f> 0b c3',
    'RSP: 0018:ffffc900001bbe58 EFLAGS: 00010246',
    'Call Trace:',
    ' <TASK>',
    ' ? asm_exc_invalid_op+0x16/0x20',
    ...frames.map((frame) => ` ${frame}+0x12/0x34`),
    ' </TASK>',
    'Modules linked in: fs(OE)',
  ].join('\n');
export const arm64 = (pc: string, ...frames: string[]) =>
  [
    'Modules linked in:',
    CPU,
    'pstate: 60400005 (nZCv daif +PAN -UAO -TCO -DIT -SSBS BTYPE=--)',
    `pc : ${pc}+0x18/0x40`,
    'lr : caller+0x10/0x40',
    'sp : ffff80000a5bbc80',
    'x29: ffff80000a5bbc80 x28: ffff0000c1a40000 x27: 0000000000000000',
    'Call trace:',
    ` ${pc}+0x18/0x40 (P)`,
    ...frames.map((frame) => ` ${frame}+0x10/0x40`),
    'Code: d503201f d503233f',
    END,
  ].join('\n');
