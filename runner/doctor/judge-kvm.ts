/** What is wrong with KVM, and the command that mends it; pure. */
import { asRoot } from './advice.js';
import type { Facts } from './facts.js';
import { type Finding, finding } from './report.js';

/** `emulated`: guests of the host's architecture run without KVM, so that it costs time only. */
export function judgeKvm(facts: Facts, emulated: boolean): Finding {
  const { machine, kvm } = facts;
  const bad = emulated ? 'warning' : 'problem';
  if (machine !== 'x86_64') return finding('kvm', 'note', `not used on ${machine}: the native engine is for x86_64`);
  if (kvm.probe === null) return finding('kvm', bad, kvm.probeProblem ?? 'could not be probed', 'npm run build');
  const { status, message, hint } = kvm.probe;
  switch (status) {
    case 'usable':
      return finding('kvm', 'ok', `${message}${deviceText(facts)}`);
    case 'absent':
      return finding('kvm', bad, message, fixAbsent(facts));
    case 'denied':
      return finding(
        'kvm',
        bad,
        `${message}${deviceText(facts)}`,
        fixDenied(facts) ?? (hint || 'run vmtest as a user who may open /dev/kvm'),
      );
    case 'interpreted':
      return finding('kvm', bad, message, NO_HARDWARE);
    case 'unsupported':
    case 'broken':
      return finding('kvm', bad, message, hint || asRoot(facts, 'dmesg | grep -i kvm'));
  }
}

const NO_HARDWARE =
  'vmtest run --engine qemu, or a machine with virtualization extensions, or with nested ones turned on';

/** Who may open it. */
function deviceText({ kvm }: Facts): string {
  if (kvm.device === null) return '';
  const { gid, mode } = kvm.device;
  const has = {
    session: 'which this user has',
    account: 'which this user has from the next login on',
    no: 'not yours',
  };
  return ` (mode ${mode.toString(8).padStart(3, '0')}, group ${kvm.group ?? gid}, ${has[kvm.member]})`;
}

function fixAbsent(facts: Facts): string {
  const { cpu, container } = facts;
  if (container.kind !== null) return 'give the container the device: docker run --device /dev/kvm';
  if (cpu.flags.includes('vmx')) return asRoot(facts, 'modprobe kvm_intel');
  if (cpu.flags.includes('svm')) return asRoot(facts, 'modprobe kvm_amd');
  return cpu.flags.includes('hypervisor')
    ? 'turn on nested virtualization for this virtual machine, on its host'
    : "turn on virtualization (VT-x, AMD-V, SVM) in the machine's firmware";
}

function fixDenied(facts: Facts): string | undefined {
  const { kvm, container } = facts;
  if (kvm.device === null) return undefined;
  const { gid, mode } = kvm.device;
  const groupMay = (mode & 0o060) === 0o060;
  if (container.kind !== null) {
    if (!groupMay) return 'on the host: sudo sh -c "chgrp kvm /dev/kvm && chmod 660 /dev/kvm"';
    return kvm.member === 'no' ? `docker run --device /dev/kvm --group-add ${gid}` : undefined;
  }
  // A group of its own gives nothing else to those in it, as that of root would.
  if (!groupMay || gid === 0) return asRoot(facts, 'sh -c "chgrp kvm /dev/kvm && chmod 660 /dev/kvm"');
  const group = kvm.group ?? `${gid}`;
  if (kvm.member === 'account') return `log in again, or newgrp ${group}`;
  return kvm.member === 'no' ? `${asRoot(facts, `usermod -aG ${group} "$USER"`)}, then log in again` : undefined;
}

/** Only where guests run under KVM is it a matter whether theirs could. */
export function judgeNested(facts: Facts): Finding[] {
  const { kvm, cpu } = facts;
  if (kvm.probe?.status !== 'usable') return [];
  if (kvm.nested === true) return [finding('nested', 'ok', 'guests with --nested have a KVM of their own')];
  if (kvm.nested === null) return [finding('nested', 'note', 'no module of KVM says whether guests may have a KVM')];
  const module = cpu.flags.includes('svm') ? 'kvm_amd' : 'kvm_intel';
  const fix = asRoot(facts, `sh -c "modprobe -r ${module} && modprobe ${module} nested=1"`);
  return [finding('nested', 'note', `turned off in ${module}: guests with --nested have no KVM`, fix)];
}
