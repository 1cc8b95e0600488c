/**
 * The path of an archive's entry as the names on its way; pure. Nothing is unpacked on the host, so a bad path could do
 * no harm there; but what an archive with one means in the guest is anybody's guess, so it is refused.
 */

/** linux/limits.h: NAME_MAX, and PATH_MAX without its NUL. Bytes. */
const MAX_NAME = 255;
const MAX_PATH = 4095;

/** `[]` is the root itself. A refusal is the reason, to stand behind the entry's name. */
export function parseEntryPath(name: string): readonly string[] | { refused: string } {
  if (name.startsWith('/')) return { refused: 'has an absolute path' };
  if (name.includes('\0')) return { refused: 'has a NUL character in its name' };
  if (name.includes('\ufffd')) return { refused: 'has a name that is not UTF-8' };
  const names = name.split('/').filter((part) => part !== '' && part !== '.');
  if (names.includes('..')) return { refused: 'has a path with ".."' };
  if (names.some((part) => Buffer.byteLength(part) > MAX_NAME)) return { refused: 'has a name over 255 bytes' };
  if (Buffer.byteLength(names.join('/')) > MAX_PATH) return { refused: 'has a path over 4095 bytes' };
  return names;
}
