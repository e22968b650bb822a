import { readFileSync } from 'node:fs';

/** What this app is told by its environment. */
export interface Settings {
  issuer: URL;
  clientId: string;
  clientSecret: string;
  host: string;
  port: number;
  /** Where browsers find this app, without a trailing slash. */
  origin: string;
}

/** @throws {Error} that names the variable which is missing or bad. */
export function readSettings(environment: NodeJS.ProcessEnv): Settings {
  const required = (name: string): string => {
    const value = environment[name];
    if (!value) throw new Error(`${name} is not set`);
    return value;
  };
  const secretFile = environment.CLIENT_SECRET_FILE;
  const port = Number(environment.PORT ?? 4000);
  return {
    issuer: new URL(required('ISSUER')),
    clientId: required('CLIENT_ID'),
    clientSecret: secretFile ? readFileSync(secretFile, 'utf8').trim() : required('CLIENT_SECRET'),
    host: environment.HOST ?? '127.0.0.1',
    port,
    origin: environment.ORIGIN ?? `http://localhost:${port}`,
  };
}
