import { describe, expect, it } from 'vitest';
import { cpuOf, groupOf, seccompOf, switchOf } from './proc.js';

const ODD = ['', '\n\n', '\0\0\0', 'flags', ':::', 'flags\t:', '🙂'.repeat(1000)];

describe('cpuOf', () => {
  it('reads the first CPU', () => {
    const text = 'processor\t: 0\nmodel name\t: A CPU  \nflags\t\t: fpu vmx vmxnet tsc constant_tsc\n\nmodel name: B\n';
    expect(cpuOf(text)).toEqual({ model: 'A CPU', flags: ['vmx', 'constant_tsc'] });
  });
  it('finds neither on arm64', () => {
    expect(cpuOf('processor\t: 0\nFeatures\t: fp asimd\nCPU part\t: 0xd0c\n')).toEqual({ model: null, flags: [] });
  });
  it.each(ODD)('answers "%s"', (text) => expect(cpuOf(text)).toEqual({ model: null, flags: [] }));
});

it.each([
  ['Name:\tx\nSeccomp:\t2\nSeccomp_filters:\t1\n', 2],
  ['Seccomp:\t0\n', 0],
  ['Seccomp:\t7\n', null],
  ['', null],
])('seccomp of %j: %s', (text, mode) => expect(seccompOf(text)).toBe(mode));

it.each([
  ['Y\n', true],
  ['1', true],
  ['N\n', false],
  ['0\n', false],
  ['', null],
  ['maybe', null],
])('a parameter %j: %s', (text, value) => expect(switchOf(text)).toBe(value));

it('finds a group, whatever else is in the file', () => {
  expect(groupOf('root:x:0:\n:x:104:\nbroken\nkvm:x:104:a,,b\n', 104)).toEqual({ name: 'kvm', members: ['a', 'b'] });
  for (const text of ODD) expect(groupOf(text, 104)).toBeNull();
});
