import { generateKeyPairSync } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import type { Configuration } from '../../config/configuration.ts';
import { ConfigurationError } from '../../config/configuration-error.ts';
import { loadConfiguration } from '../../config/load.ts';
import { testCertificate } from './test-certificate.ts';

export type Environment = Record<string, string>;

/** What is wrong with an environment, and the line that says so. */
export type BadEnvironment = [what: string, environment: Environment, line: RegExp];

const other = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;

/** A folder to load configurations in, a new one for each test of the suite that opens it. */
export class LoadingFolder {
  directory = '';

  static open(): LoadingFolder {
    const folder = new LoadingFolder();
    beforeEach(() => {
      folder.directory = mkdtempSync(join(tmpdir(), 'latchkey-config-'));
      mkdirSync(join(folder.directory, 'config'));
    });
    afterEach(() => {
      rmSync(folder.directory, { recursive: true });
    });
    return folder;
  }

  write(name: string, text: string): void {
    writeFileSync(join(this.directory, name), text);
  }

  /** `cert.pem` and its `key.pem`, and `other.pem`, the key of another certificate. */
  writeCertificate(): void {
    this.write('cert.pem', testCertificate.certificate);
    this.write('key.pem', testCertificate.key);
    this.write('other.pem', other.export({ format: 'pem', type: 'pkcs8' }).toString());
  }

  load(environment: Environment): Configuration {
    return loadConfiguration({ environment, directory: this.directory });
  }

  problems(environment: Environment): readonly string[] {
    try {
      this.load(environment);
    } catch (error) {
      if (error instanceof ConfigurationError) return error.problems;
      throw error;
    }
    return [];
  }

  /** That each is refused with one line. */
  itRefuses(badEnvironments: readonly BadEnvironment[]): void {
    for (const [what, environment, line] of badEnvironments) {
      it(`refuses ${what} with one line`, () => {
        this.writeCertificate();
        expectOneLine(this.problems(environment), line);
      });
    }
  }
}

/** One line, which repeats nothing secret. */
export function expectOneLine(found: readonly string[], line: RegExp): void {
  expect(found, found.join('\n')).to.have.lengthOf(1);
  expect(found[0]).to.match(line);
  expect(found[0]).not.to.match(/[\r\n]|canary-secret/);
}
