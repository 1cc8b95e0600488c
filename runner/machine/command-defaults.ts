/** What a container image says of the commands that run in it (OCI image spec, config.md); pure. */
import type { ExecOptions } from '../agent/index.js';
import type { ContainerConfig } from '../images/roots/container-image.js';

/** Its entry point is not used: a guest runs the command that it is given. */
export type CommandDefaults = Pick<ExecOptions, 'env' | 'cwd' | 'user'>;

export function commandDefaults(config: ContainerConfig | undefined): CommandDefaults {
  if (config === undefined) return {};
  const defaults: CommandDefaults = {};
  const variables = config.env.map((setting) => /^([^=]+)=(.*)$/s.exec(setting)).filter((match) => match !== null);
  if (variables.length > 0) defaults.env = Object.fromEntries(variables.map(([, name, value]) => [name, value]));
  if (config.workingDir !== '') defaults.cwd = config.workingDir;
  if (config.user !== '') defaults.user = config.user;
  return defaults;
}

/** The options of a command, and the defaults where they are silent. */
export function withDefaults<Options extends CommandDefaults>(options: Options, defaults: CommandDefaults): Options {
  return {
    ...options,
    env: { ...defaults.env, ...options.env },
    cwd: options.cwd ?? defaults.cwd,
    user: options.user ?? defaults.user,
  };
}
