import { expect, it } from 'vitest';
import { unmet } from './config.mjs';

it('names the settings that a configuration does not have as they are asked for', () => {
  const config = 'CONFIG_A=y\nCONFIG_B=m\n# CONFIG_C is not set\nCONFIG_NAME="-tiny"\nCONFIG_AA=y\n';
  expect(unmet(config, '# a remark\nCONFIG_A=y\n\nCONFIG_NAME="-tiny"\n')).toEqual([]);
  expect(unmet(config, 'CONFIG_B=y\nCONFIG_C=y\nCONFIG_AA=y\nCONFIG_D=m\n')).toEqual([
    'CONFIG_B=y',
    'CONFIG_C=y',
    'CONFIG_D=m',
  ]);
});
