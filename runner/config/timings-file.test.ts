import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { directoryWith } from './testing/write.js';
import { readTimings, writeTimings } from './timings-file.js';

it('writes what it reads, and leaves nothing else', async () => {
  const directory = await directoryWith({});
  expect(await readTimings(directory)).toEqual(new Map());
  const timings = new Map([['a > b', 1200]]);
  await writeTimings(directory, timings);
  await writeTimings(directory, timings);
  expect(await readTimings(directory)).toEqual(timings);
  expect(await readdir(directory)).toEqual(['vmtest-timings.json']);
});

it('says what cannot be read or written', async () => {
  const directory = await directoryWith({});
  await mkdir(join(directory, 'vmtest-timings.json'));
  await expect(readTimings(directory)).rejects.toThrow('vmtest-timings.json cannot be read: EISDIR');
  await expect(writeTimings(directory, new Map())).rejects.toThrow(
    `${directory}/vmtest-timings.json cannot be written: EISDIR`,
  );
  expect(await readdir(directory)).toEqual(['vmtest-timings.json']);
});
