// ci/check-deps: reads the source files that git knows or would add, and prints each violation.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { checkFile, importsOf, includesOf, nativeRooms, TYPESCRIPT_ROOMS } from './rules.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** @param {string[]} patterns */
function sourceFiles(patterns) {
  const args = ['ls-files', '-z', '--cached', '--others', '--exclude-standard', '--', ...patterns];
  const listed = execFileSync('git', args, { cwd: root, encoding: 'utf8', maxBuffer: 1 << 26 });
  return listed.split('\0').filter(Boolean);
}

/** The text, or null for a file that is in git's index and no longer on the disk. @param {string} path */
function read(path) {
  try {
    return readFileSync(join(root, path), 'utf8');
  } catch {
    return null;
  }
}

const rooms = nativeRooms(read('native/CMakeLists.txt') ?? '');
if (rooms.length === 0) throw new Error('native/CMakeLists.txt names no rooms');

let checked = 0;
const violations = [];
for (const path of sourceFiles(['native/**/*.cc', 'native/**/*.h'])) {
  const text = read(path);
  if (text === null) continue;
  checked++;
  const file = path.slice('native/'.length);
  for (const found of checkFile({ rooms, file, uses: includesOf(text) })) violations.push({ ...found, file: path });
}
for (const file of sourceFiles(['runner/**/*.ts', 'fixtures/**/*.ts', 'integration_tests/**/*.ts'])) {
  const text = read(file);
  if (text === null) continue;
  checked++;
  violations.push(...checkFile({ rooms: TYPESCRIPT_ROOMS, file, uses: importsOf(text, file) }));
}

for (const { file, line, message } of violations) console.log(`${file}:${line}: ${message}`);
console.log(`check-deps: ${checked} files, ${violations.length} violations`);
process.exitCode = violations.length === 0 ? 0 : 1;
