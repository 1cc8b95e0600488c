/** What a guest has where nobody says otherwise. */
export const DEFAULT_IMAGE = 'micro';
export const DEFAULT_MEMORY_MIB = 512;
export const DEFAULT_BOOT_TIMEOUT_MS = 120_000;
