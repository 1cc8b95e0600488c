/** What npm's libraries throw, told apart; pure. */
import { VmtestError } from '../../errors.js';
import { printable } from '../printable.js';

/** Fields of the errors of npm-registry-fetch, npm-pick-manifest, minipass-fetch and ssri. */
interface LibraryError extends Error {
  code?: string;
  /** Of minipass-fetch: `system`, `request-timeout`, `body-timeout`, `invalid-json`, ... */
  type?: string;
  statusCode?: number;
  errno?: unknown;
  syscall?: string;
}

const NONE = ['E404', 'ETARGET', 'ENOVERSIONS'];
/** Codes of @npmcli/agent and make-fetch-happen; others of a network have a `syscall` or are of a FetchError. */
const NETWORK =
  /^E(CONNECTION|IDLE|RESPONSE|TRANSFER)TIMEOUT$|^EINVALIDPROXY$|^EMAXREDIRECT$|^EINVALIDREDIRECT$|^ECONN|^ERR_(SSL|TLS|HTTP|STREAM)/;

/**
 * `VMTEST_PULL`: the package is not to be had here and now, though nothing is wrong with it. `VMTEST_IMAGE`: it was
 * had, and is not what it should be. `spec` and `registry` say what was asked of whom.
 */
export function registryError(cause: unknown, spec: string, registry: string): VmtestError {
  if (cause instanceof VmtestError) return cause;
  const error = (cause instanceof Error ? cause : new Error(String(cause))) as LibraryError;
  const { code = '', statusCode } = error;
  const unavailable = (why: string) => new VmtestError('VMTEST_PULL', `${spec}: ${why}`, { cause });
  if (NONE.includes(code)) return unavailable(`the registry ${registry} has no such package`);
  if (statusCode === 401 || statusCode === 403 || code === 'E403') {
    const answer = statusCode === undefined ? 'it does not let it be had' : `it answers ${statusCode}`;
    return unavailable(`the registry ${registry} refused: ${answer}; see \`npm login\` and your npmrc`);
  }
  if (statusCode !== undefined) return unavailable(`the registry ${registry} answers ${statusCode}`);
  if (code === 'EINTEGRITY') {
    const message = `the package ${spec} is not what the registry ${registry} says: its checksum differs`;
    return new VmtestError('VMTEST_IMAGE', `${message}; try again, or build the image`, { cause });
  }
  if (error.name === 'FetchError' || error.syscall !== undefined || NETWORK.test(code)) {
    return unavailable(`the registry ${registry} is out of reach: ${reasonOf(error)}`);
  }
  const message = `the registry ${registry} says of ${spec} what is not usable: ${reasonOf(error)}`;
  return new VmtestError('VMTEST_IMAGE', message, { cause });
}

/** One line, without the address, which may hold credentials. */
function reasonOf({ message, code }: LibraryError): string {
  const reason =
    message.replace(/^.*failed, reason: ?/s, '').replace(/\/\/[^\s/@]*@/g, '//') || code || 'no reason given';
  return printable(reason.replace(/\s+/g, ' '), 200);
}
