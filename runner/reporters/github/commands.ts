/** Workflow commands of GitHub Actions. Pure. */

export interface Annotation {
  level: 'error' | 'warning' | 'notice';
  title?: string;
  /** Relative to the repository. */
  file?: string;
  line?: number;
  message: string;
}

/** A line for standard output, which the runner turns into an annotation. */
export function workflowCommand({ level, title, file, line, message }: Annotation): string {
  const properties = Object.entries({ file, line: line === undefined ? undefined : String(line), title }).flatMap(
    ([name, value]) => (value === undefined || value === '' ? [] : [`${name}=${escapeProperty(value)}`]),
  );
  const list = properties.length === 0 ? '' : ` ${properties.join(',')}`;
  return `::${level}${list}::${escapeData(message)}`;
}

/** The runner undoes exactly these; a line feed would end the command, and what follows could be another one. */
const escapeData = (text: string): string =>
  text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');

const escapeProperty = (text: string): string => escapeData(text).replaceAll(':', '%3A').replaceAll(',', '%2C');
