import { describe, expect, it } from 'vitest';
import type { DebianRoot } from './recipe.js';
import { READ_FILES, settle } from './settle.js';

const ROOT: DebianRoot = { kind: 'debian', suite: 'bookworm', packages: [], links: { '/usr/bin/awk': 'mawk' } };
const READ = new Map([
  ['usr/share/base-passwd/passwd.master', 'root::0:0:root:/root:/bin/bash\n'],
  ['usr/share/base-passwd/group.master', 'root:*:0:\n'],
  ['usr/lib/sysusers.d/systemd.conf', 'u systemd-network - "Network"\n'],
]);

describe('settle', () => {
  const entries = settle(ROOT, READ);
  const entryOf = (path: string) => entries.find((entry) => entry.path === path);

  it('says the same every time', () => {
    expect(settle(ROOT, READ)).toEqual(entries);
  });

  it('makes the accounts, the links and what a first boot would make', () => {
    expect(entryOf('etc/passwd')).toMatchObject({ data: expect.stringContaining('systemd-network:x:999:') });
    expect(entryOf('etc/shadow')).toMatchObject({ mode: 0o640, gid: 42 });
    expect(entryOf('usr/bin/awk')).toEqual({ path: 'usr/bin/awk', type: 'symlink', target: 'mawk' });
    expect(entryOf('etc/machine-id')).toMatchObject({ data: '' });
  });

  it('leaves nothing of the host that built it', () => {
    for (const path of ['etc/resolv.conf', 'etc/apt/sources.list']) expect(entryOf(path)).toMatchObject({ data: '' });
    expect(entryOf('etc/hostname')).toMatchObject({ data: 'vmtest\n' });
  });

  it('has absolute paths nowhere, and each path once', () => {
    const paths = entries.map(({ path }) => path);
    expect(paths.filter((path) => path.startsWith('/'))).toEqual([]);
    expect(new Set(paths).size).toBe(paths.length);
  });

  it('reads what it needs and nothing else', () => {
    for (const path of READ.keys()) expect(path).toMatch(READ_FILES);
    expect('etc/passwd').not.toMatch(READ_FILES);
  });
});
