/** The names of the reporters, for who does not need the reporters yet. */
export const REPORTER_NAMES = ['list', 'dot', 'line', 'json', 'junit', 'github', 'blob'] as const;
export type ReporterName = (typeof REPORTER_NAMES)[number];

export interface ReporterSetting {
  name: ReporterName;
  /** The reporter knows them. A relative `outputFile` of a configuration has been resolved against its directory. */
  options: Readonly<Record<string, unknown>>;
}
