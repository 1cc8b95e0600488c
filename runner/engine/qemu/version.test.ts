import { describe, expect, it } from 'vitest';
import { isOlder, parseQemuVersion, versionText } from './version.js';

describe('parseQemuVersion', () => {
  it.each([
    ['QEMU emulator version 7.2.19 (Debian 1:7.2+dfsg-7+deb12u16)\nCopyright (c) 2003-2022', '7.2.19'],
    ['QEMU emulator version 7.2.0 (Debian 1:7.2+dfsg-7)', '7.2.0'],
    ['QEMU emulator version 8.2.2 (Debian 1:8.2.2+ds-0ubuntu1.4)\n', '8.2.2'],
    ['QEMU emulator version 10.0.2\r\nCopyright', '10.0.2'],
    ['QEMU emulator version 9.0.50 (v9.0.0-1234-gabcdef)', '9.0.50'],
    ['QEMU emulator version 7.1.90-rc4', '7.1.90'],
    ['QEMU emulator version 2.5.0 (Debian 1:2.5+dfsg-5ubuntu10), Copyright (c) 2003-2008 Fabrice Bellard', '2.5.0'],
  ])('%s', (output, version) => {
    const parsed = parseQemuVersion(output);
    expect(parsed && versionText(parsed)).toBe(version);
  });

  it.each([
    '',
    '\nQEMU emulator version 7.2.0',
    'qemu-img version 7.2.19 (Debian)',
    'QEMU emulator version 7.2',
    'QEMU emulator version 7.2.x',
    'QEMU emulator version 7.2.19abc',
    'QEMU emulator version 99999.2.19',
    'QEMU emulator version -7.2.1',
    'warning: QEMU emulator version 7.2.19',
  ])('refuses "%s"', (output) => expect(parseQemuVersion(output)).toBeUndefined());
});

it.each([
  ['7.1.99', true],
  ['6.9.9', true],
  ['7.2.0', false],
  ['7.2.1', false],
  ['10.0.0', false],
])('%s is older than 7.2: %s', (text, older) => {
  const version = parseQemuVersion(`QEMU emulator version ${text}`);
  expect(version && isOlder(version, { major: 7, minor: 2, micro: 0 })).toBe(older);
});
