// Which file may use which: pure functions over paths and texts, so that the rule itself is tested.

/**
 * A list of rooms, lowest first: a file may use its own room and those before it.
 * @typedef {string[]} Rooms
 * @typedef {{ file: string, line: number, message: string }} Violation
 */

/**
 * Folders of runner/ and beside it, lowest first. "runner" itself stands for the files in no folder (errors,
 * deadlines), which know no room.
 */
export const TYPESCRIPT_ROOMS = [
  'runner',
  'runner/results',
  'runner/images',
  'runner/images/roots',
  'runner/images/build',
  'runner/agent',
  'runner/engine',
  'runner/machine',
  'runner/schedule',
  'runner/plan',
  'runner/reporters',
  'runner/config',
  'runner/test-run',
  'runner/doctor',
  'runner/cli',
  'runner/index.ts',
  'fixtures',
  'integration_tests',
];

/** The rooms of native/, in the order that CMake builds them. @param {string} cmakeLists @returns {Rooms} */
export function nativeRooms(cmakeLists) {
  return [...cmakeLists.matchAll(/^\s*add_subdirectory\(([\w/]+)\)/gm)].map((match) => match[1] ?? '');
}

/**
 * The room that a path lies in: the longest name that is the path or one of its folders.
 * @type {(rooms: Rooms, path: string) => string | undefined}
 */
export function roomOf(rooms, path) {
  const holding = rooms.filter((room) => path === room || path.startsWith(`${room}/`));
  return holding.sort((a, b) => b.length - a.length)[0];
}

/**
 * @param {{ rooms: Rooms, file: string, uses: { line: number, target: string }[] }} what paths as the rooms are
 * @returns {Violation[]}
 */
export function checkFile({ rooms, file, uses }) {
  const own = roomOf(rooms, file);
  if (own === undefined) return [{ file, line: 1, message: `is in no room: add its folder to the list of rooms` }];
  return uses.flatMap(({ line, target }) => {
    const room = roomOf(rooms, target);
    if (room === undefined) return [];
    // Tests and fakes stand beside what they test; what they drive it with knows more than that.
    if (room === 'testing' && /(_test\.cc|\/fake_\w+\.(h|cc))$/.test(file)) return [];
    return rooms.indexOf(room) <= rooms.indexOf(own)
      ? []
      : [{ file, line, message: `uses ${target}: ${room} stands above ${own}` }];
  });
}

/** Quoted includes; they are named from native/, the only include root. @param {string} text */
export function includesOf(text) {
  return eachLine(text, /^\s*#\s*include\s+"([^"]+)"/);
}

/**
 * Relative imports and re-exports, static and dynamic, as paths from the repository's root.
 * @type {(text: string, file: string) => { line: number, target: string }[]}
 */
export function importsOf(text, file) {
  const found = eachLine(text, /(?:\bfrom|\bimport)\s*\(?\s*['"](\.{1,2}\/[^'"]+)['"]/);
  return found.map(({ line, target }) => ({ line, target: resolve(file, target).replace(/\.js$/, '.ts') }));
}

/** @type {(text: string, pattern: RegExp) => { line: number, target: string }[]} */
function eachLine(text, pattern) {
  return text.split('\n').flatMap((content, index) => {
    const target = pattern.exec(content)?.[1];
    return target === undefined ? [] : [{ line: index + 1, target }];
  });
}

/** @type {(file: string, relative: string) => string} */
function resolve(file, relative) {
  const base = `file:///${file}`;
  return decodeURIComponent(new URL(relative, base).pathname).slice(1);
}
