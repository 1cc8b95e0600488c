import { describe, expect, it } from 'vitest';
import { keyOf, parseRecord } from './inputs.mjs';

const sha256 = 'ab'.repeat(32);

describe('parseRecord', () => {
  it('takes the version and the digest', () => {
    const record = `Package: linux-source-6.1\nVersion: 6.1.192-2\nSize: 139331676\nSHA256: ${sha256}\n`;
    expect(parseRecord(record)).toEqual({ version: '6.1.192-2', sha256 });
  });
  it.each(['', 'Version: 1\n', `SHA256: ${sha256}\n`, `Version: 1\nSHA256: ${sha256}0\n`])('finds none in %j', (text) =>
    expect(parseRecord(text)).toBeUndefined(),
  );
});

describe('keyOf', () => {
  const inputs = { source: { version: '1', sha256 }, fragment: 'f', tools: ['gcc', 'ld'], files: { a: '1', b: '2' } };
  it('is the same for the same inputs, in whatever order they were read', () => {
    expect(keyOf(inputs)).toMatch(/^[0-9a-f]{40}$/);
    expect(keyOf({ ...inputs, files: { b: '2', a: '1' } })).toBe(keyOf(inputs));
  });
  it('is another one for every other input', () => {
    const others = [
      { ...inputs, source: { version: '1', sha256: 'cd'.repeat(32) } },
      { ...inputs, fragment: 'g' },
      { ...inputs, tools: ['gcc', 'lld'] },
      { ...inputs, files: { a: '1', b: '3' } },
      { ...inputs, files: { a: '1', c: '2' } },
    ];
    expect(new Set([inputs, ...others].map(keyOf)).size).toBe(others.length + 1);
  });
});
