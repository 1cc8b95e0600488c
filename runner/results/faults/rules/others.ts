/** The rest, and what catches kinds of reports that are not known yet. */
import type { Rule } from './rule.js';

export const OTHERS: readonly Rule[] = [
  // kernel/irq/spurious.c: __report_bad_irq
  { type: 'irq', header: /^irq \d+: nobody cared/, title: 'irq: nobody cared', end: 'silence' },
  { type: 'irq', header: /^irq event \d+: bogus return value /, title: 'irq: bogus return value', end: 'silence' },
  // kernel/module/main.c, kernel/module/signing.c: what taints without a report
  {
    type: 'taint',
    header:
      /^(?<module>[\w-]+): (?:loading out-of-tree module taints kernel|module license '.*' taints kernel|module verification failed:.* tainting kernel|module is from the staging directory)/,
    title: 'taint: module {module}',
    end: 'line',
    severity: 'note',
  },
  // Every message of the kernel that begins so is about a bug.
  { type: 'bug', header: /^BUG: (?<what>.+?)[!:.]?$/, title: 'BUG: {what}[ in {fn}]', end: 'silence' },
];
