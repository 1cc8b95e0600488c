import { describe, expect, it } from 'vitest';
import { commandDefaults, withDefaults } from './command-defaults.js';

const CONFIG = {
  env: ['PATH=/opt/bin:/bin', 'EMPTY=', 'odd'],
  entrypoint: ['/e'],
  cmd: ['/c'],
  workingDir: '/srv',
  user: 'web',
};

describe('commandDefaults', () => {
  it('takes variables, directory and user of a container image', () => {
    expect(commandDefaults(CONFIG)).toEqual({ env: { PATH: '/opt/bin:/bin', EMPTY: '' }, cwd: '/srv', user: 'web' });
  });

  it('takes nothing where nothing is said', () => {
    expect(commandDefaults(undefined)).toEqual({});
    expect(commandDefaults({ env: [], entrypoint: [], cmd: [], workingDir: '', user: '' })).toEqual({});
  });
});

describe('withDefaults', () => {
  it('lets a command have the last word', () => {
    const options = withDefaults({ env: { PATH: '/bin' }, user: 'root' }, commandDefaults(CONFIG));
    expect(options).toEqual({ env: { PATH: '/bin', EMPTY: '' }, cwd: '/srv', user: 'root' });
  });
});
