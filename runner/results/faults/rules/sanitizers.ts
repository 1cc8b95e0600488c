/** KASAN, KFENCE, KCSAN, KMSAN, UBSAN. */
import { FN, type Rule } from './rule.js';

export const SANITIZERS: readonly Rule[] = [
  // mm/kasan/report.c: print_error_description
  {
    type: 'kasan',
    header: new RegExp(String.raw`^BUG: KASAN: (?<kind>[\w-]+(?: or [\w-]+)?)(?: in ${FN}\+0x)?`),
    title: 'KASAN: {kind}[ {access}][ in {fn}]',
    later: [/^(?<access>Read|Write) (?:of size|at addr) /],
    end: 'ruler',
  },
  // mm/kfence/report.c: kfence_report_error
  {
    type: 'kfence',
    header: new RegExp(String.raw`^BUG: KFENCE: (?<kind>[\w-]+(?: [\w-]+)??)(?: in ${FN}\+0x|$)`),
    title: 'KFENCE: {kind}[ in {fn}]',
    end: 'ruler',
  },
  // kernel/kcsan/report.c: print_report
  {
    type: 'kcsan',
    header: /^BUG: KCSAN: (?<kind>data-race|assert: race) in (?<where>[\w.$]+(?: \/ [\w.$]+)?)/,
    title: 'KCSAN: {kind} in {where}',
    end: 'ruler',
  },
  // mm/kmsan/report.c: kmsan_report
  {
    type: 'kmsan',
    header: new RegExp(String.raw`^BUG: KMSAN: (?<kind>[\w-]+)(?: in ${FN}\+0x)?`),
    title: 'KMSAN: {kind}[ in {fn}]',
    end: 'ruler',
  },
  // lib/ubsan.c: ubsan_prologue. Since 6.6 between "cut here" and "end trace", before between rulers.
  {
    type: 'ubsan',
    header: /^UBSAN: (?<kind>[\w-]+(?: [\w-]+)*?) in (?<where>\S+?)(?::\d+)*$/,
    title: 'UBSAN: {kind} in {fn|where}',
    end: 'ruler',
  },
  // lib/ubsan.c, arch/x86/kernel/traps.c: with CONFIG_UBSAN_TRAP
  {
    type: 'ubsan',
    header: /^Internal error: UBSAN: (?<kind>[\w -]+?):/,
    title: 'UBSAN: {kind}[ in {fn}]',
    end: 'marker',
  },
];
