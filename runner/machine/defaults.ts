/** What a guest has where nobody says otherwise. */
export const DEFAULT_IMAGE = 'micro';
export const DEFAULT_MEMORY_MIB = 512;
export const DEFAULT_BOOT_TIMEOUT_MS = 120_000;
export const DEFAULT_COMMAND_TIMEOUT_MS = 600_000;
/** A guest has no more, its root included. */
export const MAX_DISKS = 16;
/** As many transports as QEMU's microvm has for them. */
export const MAX_DISKS_AND_MOUNTS = 21;
/** Where every distribution with systemd has it. */
export const SYSTEMD = '/lib/systemd/systemd';
