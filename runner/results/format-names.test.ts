import { expect, it } from 'vitest';
import { FILE_FORMATS, FORMAT_NAMES } from './format-names.js';
import { FORMATS } from './formats.js';

it('knows of each format what the parsers know', () => {
  expect(FORMATS.map(({ name }) => name)).toEqual(FORMAT_NAMES);
  expect(FORMATS.filter(({ from }) => from === 'file').map(({ name }) => name)).toEqual(FILE_FORMATS);
});
