export { AgentClient } from './client.js';
export type { ExecProcess } from './exec.js';
export type { Capture, ExecOptions, TerminalSize } from './exec-options.js';
export type { Captured, ExecResult } from './exec-result.js';
export type { GetOptions, GetTreeOptions, ReadFileOptions } from './get.js';
export type { AgentHello, FailedModule } from './messages.js';
export type { Connect, OperationOptions } from './operation.js';
export { AGENT_PORT } from './protocol.js';
export type { PutOptions, PutSource, Skipped, TransferResult } from './put.js';
