/**
 * Excerpts of consoles of real guests (Debian 12, Linux 6.1, x86_64; registers left out). Their faults were made on purpose:
 * by a module that writes past an object, dereferences NULL and so on, by sysrq, and by a command that eats all memory.
 */
import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { findFaults } from './detector.js';

const EXPECTED: Readonly<Record<string, string[]>> = {
  warning: ['WARNING in provoke_warn'],
  'null-dereference': ['BUG: unable to handle kernel NULL pointer dereference in provoke_null'],
  'oops-panic': ['BUG: unable to handle kernel NULL pointer dereference in provoke_null'],
  slab: ['BUG: slab kmalloc-64: Right Redzone overwritten in provoke_slab'],
  'hung-task-and-stall': [
    'INFO: task hung in provoke_hang',
    'INFO: rcu detected stall in provoke_spin',
    'BUG: soft lockup in provoke_spin',
  ],
  'stack-corruption': ['kernel panic: stack is corrupted in provoke_stack'],
  oom: ['OOM: killed tail'],
  // Two lines that a command wrote to the console, and one that the kernel wrote behind half a line of it.
  'user-lines': ['WARNING in copy_process', 'kernel panic: sysrq triggered crash'],
};

it.each(Object.entries(EXPECTED))('%s', async (name, titles) => {
  const faults = findFaults(await readFile(new URL(`testing/real/${name}.log`, import.meta.url)));
  expect(faults.filter(({ severity }) => severity === 'fault').map(({ title }) => title)).toEqual(titles);
});
