import { describe, expect, it } from 'vitest';
import { checkFile, importsOf, includesOf, nativeRooms, roomOf, TYPESCRIPT_ROOMS } from './rules.mjs';

const cmake = `
add_subdirectory(base)
if(VMTEST_ADDON)
  add_subdirectory(arch/x86_64)
endif()
# add_subdirectory(gone)
add_subdirectory(machine)
`;
const rooms = nativeRooms(cmake);

describe('nativeRooms', () => {
  it('reads the order out of CMakeLists.txt', () => expect(rooms).toEqual(['base', 'arch/x86_64', 'machine']));
});

describe('roomOf', () => {
  it.each([
    ['base/result.h', 'base'],
    ['arch/x86_64/deep/cpuid.h', 'arch/x86_64'],
    ['baseline/x.h', undefined],
  ])('%s', (path, room) => expect(roomOf(rooms, path)).toBe(room));
  it('prefers a folder to its parent', () => {
    expect(roomOf(TYPESCRIPT_ROOMS, 'runner/cli/main.ts')).toBe('runner/cli');
    expect(roomOf(TYPESCRIPT_ROOMS, 'runner/errors.ts')).toBe('runner');
    expect(roomOf(TYPESCRIPT_ROOMS, 'runner/index.ts')).toBe('runner/index.ts');
  });
});

describe('checkFile', () => {
  const uses = includesOf('#include "base/result.h"\n#include <fmt/core.h>\n  # include "machine/machine.h"\n');
  it('allows down and sideways', () => expect(checkFile({ rooms, file: 'machine/vcpu.cc', uses })).toEqual([]));
  it('reports up, with the line', () => {
    expect(checkFile({ rooms, file: 'base/result.cc', uses })).toEqual([
      { file: 'base/result.cc', line: 3, message: 'uses machine/machine.h: machine stands above base' },
    ]);
  });
  it('lets tests, and only tests, use the fakes', () => {
    const fake = { rooms: ['bus', 'testing'], uses: includesOf('#include "testing/fake.h"') };
    expect(checkFile({ ...fake, file: 'bus/bus_test.cc' })).toEqual([]);
    expect(checkFile({ ...fake, file: 'bus/bus.cc' })).toHaveLength(1);
  });
  it('reports a file in no room', () => {
    expect(checkFile({ rooms, file: 'attic/old.cc', uses: [] })).toMatchObject([{ file: 'attic/old.cc' }]);
  });
});

describe('importsOf', () => {
  it('resolves static, dynamic and multi-line imports', () => {
    const text = [
      "import { a } from '../errors.js';",
      "export type { B } from './b.js';",
      'import {\n  c,\n} from "../cli/main.js";',
      "await import('../index.js');",
      "import 'node:fs';",
      "import '../engine/side-effect.js';",
    ].join('\n');
    expect(importsOf(text, 'runner/agent/client.ts')).toEqual([
      { line: 1, target: 'runner/errors.ts' },
      { line: 2, target: 'runner/agent/b.ts' },
      { line: 5, target: 'runner/cli/main.ts' },
      { line: 6, target: 'runner/index.ts' },
      { line: 8, target: 'runner/engine/side-effect.ts' },
    ]);
  });
});
