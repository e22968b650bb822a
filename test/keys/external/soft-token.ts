import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findSoftToken, installSoftToken } from '../../../scripts/test-parts/find-soft-token.ts';

const LABEL = 'latchkey-test';
const KEY_TYPES = { RS: 'rsa:2048', PS: 'rsa:2048', ES: 'EC:prime256v1' } as const;

/** A PKCS#11 token in software, with a folder of its own, and a tool in front of it that can be made to fail or to hang. */
export class SoftToken {
  static readonly PIN = 'pin-4-canary5ecret';
  readonly folder: string;
  readonly #parts: { module: string; tool: string };

  private constructor() {
    const parts = findSoftToken();
    if (parts === undefined) throw new Error(`SoftHSM or OpenSC is missing: ${installSoftToken}`);
    this.#parts = parts;
    this.folder = mkdtempSync(join(tmpdir(), 'latchkey-token-'));
    const tokens = join(this.folder, 'tokens');
    mkdirSync(tokens);
    writeFileSync(
      this.#file('softhsm.conf'),
      `directories.tokendir = ${tokens}\nobjectstore.backend = file\n`,
    );
    writeFileSync(
      this.tool,
      `#!/bin/sh
echo "$*" >> ${this.#file('arguments')}
case "$(cat ${this.#file('trouble')})" in
  fail) echo 'error: PKCS11 function C_Sign failed: rv = CKR_DEVICE_ERROR (0x30)' >&2; exit 1 ;;
  hang) exec sleep 120 ;;
esac
exec ${parts.tool} "$@"
`,
    );
    chmodSync(this.tool, 0o755);
    this.trouble = 'none';
    this.#run(['--init-token', '--slot-index=0', `--label=${LABEL}`, '--so-pin=env:SO_PIN']);
    this.#run([`--token-label=${LABEL}`, '--init-pin', '--so-pin=env:SO_PIN', '--pin=env:USER_PIN']);
  }

  /** A new token; each of `keys` is an algorithm and the CKA_ID, as keys.external.keys takes them. */
  static make(keys: readonly string[]): SoftToken {
    const token = new SoftToken();
    for (const key of keys) token.addKey(key);
    return token;
  }

  addKey(key: string): void {
    const [algorithm = '', id = ''] = key.split(':');
    const type = KEY_TYPES[algorithm.slice(0, 2) as keyof typeof KEY_TYPES];
    const words = ['--login', '--pin=env:USER_PIN', '--keypairgen', `--key-type=${type}`, `--id=${id}`];
    this.#run([`--token-label=${LABEL}`, ...words, `--label=key-${id}`]);
  }

  /** What the tool does from now on. */
  set trouble(trouble: 'none' | 'fail' | 'hang') {
    writeFileSync(this.#file('trouble'), trouble);
  }

  /** Every command line of the tool so far. */
  get commandLines(): string {
    return readFileSync(this.#file('arguments'), 'utf8');
  }

  get tool(): string {
    return this.#file('tool');
  }

  /** What a Latchkey needs to sign with it. */
  environment(keys: readonly string[], pin = SoftToken.PIN): Record<string, string> {
    return {
      SOFTHSM2_CONF: this.#file('softhsm.conf'),
      LATCHKEY_KEYS_EXTERNAL_KEYS: keys.join(','),
      LATCHKEY_KEYS_EXTERNAL_ENVIRONMENT: 'SOFTHSM2_CONF',
      LATCHKEY_KEYS_EXTERNAL_PKCS11_MODULE: this.#parts.module,
      LATCHKEY_KEYS_EXTERNAL_PKCS11_TOKEN: LABEL,
      LATCHKEY_KEYS_EXTERNAL_PKCS11_PIN: pin,
      LATCHKEY_KEYS_EXTERNAL_PKCS11_TOOL: this.tool,
    };
  }

  remove(): void {
    rmSync(this.folder, { recursive: true });
  }

  #file(name: string): string {
    return join(this.folder, name);
  }

  #run(words: string[]): void {
    execFileSync(this.#parts.tool, [`--module=${this.#parts.module}`, ...words], {
      env: {
        PATH: process.env.PATH,
        SOFTHSM2_CONF: this.#file('softhsm.conf'),
        USER_PIN: SoftToken.PIN,
        SO_PIN: '5678-5678',
      },
      stdio: 'pipe',
    });
  }
}
