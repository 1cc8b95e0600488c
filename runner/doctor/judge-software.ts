/** QEMU, the agent, the tools and Node; pure. */
import { QEMU } from '../engine/qemu/binary.js';
import type { Architecture } from '../images/kernels/architecture.js';
import { install } from './advice.js';
import type { Facts } from './facts.js';
import { type Finding, finding } from './report.js';
import { TOOLS } from './tools.js';

/** Without that of the host there is no second engine; the other one is for those who want such guests. */
export function judgeQemu(facts: Facts, arch: Architecture, host: Architecture | null): Finding {
  const id = `qemu-${arch}`;
  const found = facts.qemu[arch];
  if ('path' in found) return finding(id, 'ok', `${found.version}, ${found.path}`);
  const usable = host === 'x86_64' && facts.kvm.probe?.status === 'usable';
  const needed = arch === host && !usable;
  return finding(id, needed ? 'problem' : 'note', found.message, install(facts, [QEMU[arch].debian]));
}

export function judgeAgents({ agents }: Facts, host: Architecture | null): Finding {
  const missing = (['x86_64', 'aarch64'] as const).filter((arch) => !agents[arch]);
  const [first] = missing;
  if (first === undefined) return finding('agents', 'ok', 'built for x86_64 and aarch64');
  const own = missing.includes(host ?? 'x86_64');
  const fix = own ? 'npm run build' : `npm run build:agent-${first}`;
  const message = `not built for ${missing.join(' and ')}: images for ${first} are pulled, not made`;
  return finding('agents', own ? 'problem' : 'note', message, fix);
}

export function judgeTools(facts: Facts): Finding {
  const missing = TOOLS.filter(({ name }) => facts.missingTools.includes(name));
  if (missing.length === 0) return finding('tools', 'ok', `all ${TOOLS.length} for making images and reading kernels`);
  const names = missing.map(({ name, use }) => `${name} (${use})`).join(', ');
  const packages = missing.map(({ debian }) => debian);
  return finding('tools', 'warning', `missing: ${names}`, install(facts, packages));
}

/** As package.json has it. */
const OLDEST_NODE = [20, 20] as const;

export function judgeNode({ node }: Facts): Finding {
  const [major = 0, minor = 0] = node.split('.').map(Number);
  const old = major < OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor < OLDEST_NODE[1]);
  const oldest = OLDEST_NODE.join('.');
  return old
    ? finding('node', 'problem', `${node} is older than ${oldest}`, `install Node.js ${oldest} or newer`)
    : finding('node', 'ok', node);
}
