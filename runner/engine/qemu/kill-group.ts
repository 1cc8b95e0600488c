/** Kills the group that a process leads, with all that it started: what is named as QEMU may be a script around it. */
export function killGroup(leader: number | undefined): void {
  if (leader === undefined) return;
  try {
    process.kill(-leader, 'SIGKILL');
  } catch {
    // There is nobody left in it.
  }
}
