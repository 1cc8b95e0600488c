import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { outerMachine } from './machines.mjs';
import { type Arch, hostArch } from './options.mjs';

let cache: string;
beforeEach(async () => {
  cache = await mkdtemp(join(tmpdir(), 'vmtest-lab-'));
});
afterEach(() => rm(cache, { recursive: true, force: true }));

const machine = (arch: Arch) => outerMachine({ arch, checkout: '/src/vmtest', cache, home: '/home/me', say: () => {} });

describe('outerMachine', () => {
  it("has this machine's root, of which only the checkout can be written", async () => {
    const { boot, path } = await machine(hostArch());
    expect(boot.mounts).toEqual([
      { host: '/', guest: '/', mode: 'ro' },
      { host: '/src/vmtest', guest: '/src/vmtest', mode: 'exclusive' },
    ]);
    expect(boot.image).toBeUndefined();
    expect(path).toEqual([]);
  });

  it('ends when it is broken, whatever its architecture', async () => {
    const { boot } = await machine(hostArch());
    expect(boot.append?.split(' ')).toEqual(expect.arrayContaining(['panic=-1', 'softlockup_panic=1']));
  });
});
