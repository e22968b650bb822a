import { readFileSync } from 'node:fs';

/** What `parse` makes of a file; a line that says what is wrong with it, `name` being the setting that names it. */
export function readPem<T>(name: string, file: string, form: string, parse: (pem: Buffer) => T): T | string {
  let pem: Buffer;
  try {
    pem = readFileSync(file);
  } catch (error) {
    return `${name}: cannot read ${file} (${(error as NodeJS.ErrnoException).code})`;
  }
  try {
    return parse(pem);
  } catch {
    return `${name}: ${file} does not hold ${form}`;
  }
}
