import { describe, expect, it } from 'vitest';
import { hostArchitecture } from '../images/kernels/architecture.js';
import { axesTest, kernelVersionHolds } from './condition.js';
import { makeCell } from './testing/make.js';

const host = hostArchitecture();
const other = host === 'x86_64' ? 'aarch64' : 'x86_64';

describe('axesTest', () => {
  it.each([
    [undefined, true],
    [{}, true],
    [{ axes: { kernel: ['clo*'] } }, true],
    [{ axes: { kernel: ['old'] } }, false],
    [{ axes: { arch: [host] } }, true],
    [{ axes: { arch: [other], kernel: ['cloud'] } }, false],
  ])('%j: %s', (condition, holds) => expect(axesTest(condition)(makeCell('c', { kernel: 'cloud' }))).toBe(holds));

  it('knows the architecture of the guest, and of the axis', () => {
    const test = axesTest({ axes: { arch: [other] } });
    expect(test({ name: 'c', axes: {}, guest: { arch: other } })).toBe(true);
    expect(test({ name: 'c', axes: { arch: other }, guest: { arch: other } })).toBe(true);
  });
});

describe('kernelVersionHolds', () => {
  it.each([
    [undefined, 'nonsense', true],
    ['>=6.1 <6.8', '6.1.0-18-cloud-amd64', true],
    ['>=6.1 <6.8', '6.8.0-rc3', false],
    ['>=6.8', '6.8.0-rc3', true],
    ['6.12', '6.12-custom', true],
    ['<6.1 || >=6.6', '6.5.13', false],
    ['<6.1 || >=6.6', '5.15.0', true],
    ['*', 'nonsense', false],
    ['>=4', '4.19.999999', true],
  ])('%s and %s: %s', (kernelVersion, release, holds) =>
    expect(kernelVersionHolds(kernelVersion === undefined ? {} : { kernelVersion }, release)).toBe(holds),
  );
});
