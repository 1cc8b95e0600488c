/** The little that is used of npm's own libraries, which come without types. */

declare module 'pacote' {
  namespace pacote {
    type Options = Readonly<Record<string, unknown>>;

    /** Of a version in the registry. The texts are the registry's: they may be anything. */
    interface PackageManifest {
      name: string;
      version: string;
      /** Where its tarball is; absent where the registry does not say. */
      _resolved?: string;
      /** Subresource integrity of the tarball; absent where the registry does not say. */
      _integrity?: string;
    }

    /** minipass: its iterator may come to the end without a word of an error that was emitted between two pieces. */
    interface TarballStream extends AsyncIterable<Buffer> {
      on(event: 'error', listener: (error: Error) => void): unknown;
    }

    function manifest(spec: string, options: Options): Promise<PackageManifest>;

    namespace tarball {
      /** The handler may be called more than once. Its result is that of the call. */
      function stream<T>(spec: string, handler: (stream: TarballStream) => Promise<T>, options: Options): Promise<T>;
    }
  }
  export = pacote;
}

declare module '@npmcli/config' {
  interface ConfigOptions {
    definitions: object;
    shorthands: object;
    flatten: unknown;
    /** Where npm itself is installed: its `npmrc` is the lowest one. */
    npmPath: string;
    /** Changed by `load`. */
    env: NodeJS.ProcessEnv;
    argv: readonly string[];
    cwd: string;
  }
  class Config {
    constructor(options: ConfigOptions);
    load(): Promise<void>;
    /** Throws `ERR_INVALID_AUTH` where a file has credentials in a form that npm refuses. */
    validate(): boolean;
    isDefault(key: string): boolean;
    /** The settings as npm's libraries take them. */
    readonly flat: Readonly<Record<string, unknown>>;
  }
  export = Config;
}

declare module '@npmcli/config/lib/definitions/index.js' {
  const all: { definitions: object; shorthands: object; flatten: unknown };
  export = all;
}
