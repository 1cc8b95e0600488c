/** Error texts of open(2) and read(2) that a user can do something about. */
export function reasonOf(error: unknown): string {
  switch ((error as NodeJS.ErrnoException).code) {
    case 'ENOENT':
      return 'does not exist';
    case 'EACCES':
    case 'EPERM':
      return 'cannot be read: permission denied';
    case 'EISDIR':
      return 'is a directory';
    case 'ENOTDIR':
      return 'does not exist: a part of its path is not a directory';
    default:
      return error instanceof Error ? error.message : String(error);
  }
}
