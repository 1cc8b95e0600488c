/**
 * What the scripts of Debian's packages would have done to a root file system whose packages were only unpacked; pure.
 * A root for another architecture cannot run them, and one for ours should not differ from it.
 */
import type { DebianRoot } from './recipe.js';
import { addSystemUsers } from './system-users.js';

export type SettledEntry =
  | { path: string; type: 'file'; mode: number; data: string; gid?: number }
  | { path: string; type: 'directory'; mode: number }
  | { path: string; type: 'symlink'; target: string };

/** The files of the unpacked root that are read, by their paths without the first slash. */
export const READ_FILES =
  /^(?:usr\/share\/base-passwd\/(?:passwd|group)\.master|usr\/lib\/sysusers\.d\/[^/]+\.conf|usr\/share\/libc-bin\/nsswitch\.conf|usr\/share\/base-files\/(?:profile|dot\.bashrc|dot\.profile)|var\/lib\/dpkg\/status|usr\/lib\/os-release)$/;

/** What an image has no use for: documents and translations. What licences say stays. */
const LEFT_OUT = ['usr/share/man', 'usr/share/info', 'usr/share/locale', 'usr/share/lintian', 'usr/share/bug'];

/** The group that may read passwords (base-passwd, group.master). */
const SHADOW = 42;

const LOCAL = ['', '/bin', '/etc', '/games', '/include', '/lib', '/sbin', '/share', '/src'].map(
  (path) => `usr/local${path}`,
);

/** The PAM stack that pam-auth-update writes where only libpam-modules brings a profile: pam_unix decides. */
const PAM: Readonly<Record<string, readonly string[]>> = {
  'common-auth': ['auth [success=1 default=ignore] pam_unix.so nullok', ...denyElsePermit('auth')],
  'common-account': [
    'account [success=1 new_authtok_reqd=done default=ignore] pam_unix.so',
    ...denyElsePermit('account'),
  ],
  'common-password': [
    'password [success=1 default=ignore] pam_unix.so obscure yescrypt',
    ...denyElsePermit('password'),
  ],
  'common-session': [...permitted(), 'session required pam_unix.so', 'session optional pam_systemd.so'],
  'common-session-noninteractive': [...permitted(), 'session required pam_unix.so'],
};

function denyElsePermit(kind: string): string[] {
  return [`${kind} requisite pam_deny.so`, `${kind} required pam_permit.so`];
}

function permitted(): string[] {
  return ['session [default=1] pam_permit.so', ...denyElsePermit('session')];
}

/** The entries of a layer (OCI image spec) to be put over the unpacked root. `read`: its files that READ_FILES names. */
export function settle(root: DebianRoot, read: ReadonlyMap<string, string>): SettledEntry[] {
  const text = (path: string): string => read.get(path) ?? '';
  const fragments = [...read.keys()].filter((path) => path.startsWith('usr/lib/sysusers.d/')).sort();
  const accounts = addSystemUsers(
    text('usr/share/base-passwd/passwd.master'),
    text('usr/share/base-passwd/group.master'),
    fragments.map(text),
  );
  return [
    ...LEFT_OUT.map((path) => file(path.replace(/[^/]+$/, '.wh.$&'), '')),
    file('etc/passwd', accounts.passwd),
    file('etc/group', accounts.group),
    { ...file('etc/shadow', accounts.shadow, 0o640), gid: SHADOW },
    file('etc/nsswitch.conf', text('usr/share/libc-bin/nsswitch.conf')),
    file('etc/profile', text('usr/share/base-files/profile')),
    file('root/.bashrc', text('usr/share/base-files/dot.bashrc')),
    file('root/.profile', text('usr/share/base-files/dot.profile')),
    ...Object.entries(PAM).map(([name, lines]) => file(`etc/pam.d/${name}`, `${lines.join('\n')}\n`)),
    // mmdebstrap copies the host's, and says where it got the packages; a guest has no network.
    file('etc/hostname', 'vmtest\n'),
    file('etc/hosts', '127.0.0.1 localhost vmtest\n::1 localhost\n'),
    file('etc/resolv.conf', ''),
    file('etc/apt/sources.list', ''),
    file('etc/fstab', ''),
    // What base-files makes when it is configured.
    ...['mnt', 'media', 'opt', 'srv', ...LOCAL].map((path): SettledEntry => ({ path, type: 'directory', mode: 0o755 })),
    file('etc/shells', '/bin/sh\n/usr/bin/sh\n/bin/bash\n/usr/bin/bash\n'),
    { path: 'etc/mtab', type: 'symlink', target: '../proc/self/mounts' },
    { path: 'var/run', type: 'symlink', target: '/run' },
    { path: 'var/lock', type: 'symlink', target: '/run/lock' },
    // Empty and not missing: systemd makes one for this boot, and does not take it for the first one ever.
    file('etc/machine-id', '', 0o444),
    { path: 'var/lib/dbus/machine-id', type: 'symlink', target: '/etc/machine-id' },
    // As new as /usr: nothing is to be brought up to date at the boot (systemd-update-done.service(8)).
    file('etc/.updated', ''),
    file('var/.updated', ''),
    ...Object.entries(root.links).map(([path, target]): SettledEntry => {
      return { path: path.slice(1), type: 'symlink', target };
    }),
  ];
}

function file(path: string, data: string, mode = 0o644): SettledEntry & { type: 'file' } {
  return { path, type: 'file', mode, data };
}
