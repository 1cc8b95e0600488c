import { describe, expect, it } from 'vitest';
import { addSystemUsers } from './system-users.js';

const PASSWD = 'root::0:0:root:/root:/bin/bash\nnobody:*:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n';
const GROUP = 'root:*:0:\nkvm:*:999:\nnogroup:*:65534:\n';

const settle = (...fragments: string[]) => addSystemUsers(PASSWD, GROUP, fragments);

describe('addSystemUsers', () => {
  it('lets nobody in without a password', () => {
    const { passwd, shadow } = settle();
    expect(passwd).toContain('root:x:0:0:root:/root:/bin/bash\n');
    expect(shadow).toMatch(/^root:\*:\d+:/);
  });

  it('gives numbers from 999 downward that neither a user nor a group has', () => {
    const { passwd, group } = settle('u messagebus - "System Message Bus"\nu systemd-network - "systemd Network"\n');
    expect(passwd).toContain('messagebus:x:998:998:System Message Bus:/:/usr/sbin/nologin\n');
    expect(passwd).toContain('systemd-network:x:997:997:systemd Network:/:/usr/sbin/nologin\n');
    expect(group).toContain('messagebus:x:998:\n');
  });

  it('keeps who is there, and the numbers that are asked for', () => {
    const { passwd, group } = settle(
      'u root 7 - /elsewhere\ng render 105\nu web 33:105 "Web" /var/www /bin/sh\n# end\n',
    );
    expect(passwd.match(/^root:/gm)).toHaveLength(1);
    expect(passwd).toContain('web:x:33:105:Web:/var/www:/bin/sh\n');
    expect(group).toContain('render:x:105:\n');
    expect(group).not.toContain('web:');
  });

  it('adds members, and the group where it is missing', () => {
    const { group } = settle('m web kvm\nm log kvm\nm web audio\n');
    expect(group).toContain('kvm:x:999:web,log\n');
    expect(group).toContain('audio:x:998:web\n');
  });
});
