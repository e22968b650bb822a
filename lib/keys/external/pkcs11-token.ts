import { spawn } from 'node:child_process';
import { createHash, createPublicKey, type KeyObject, randomInt } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { SigningDevice } from './signing-device.ts';

const LONGEST_OUTPUT = 65_536;
/** The shortest pause (ms) before a token is asked again that did not answer as it should; longer with each try, and never the same for two. */
const RETRY_MILLISECONDS = 15;
const MOST_TRIES = 8;
/** The variable that the tool reads the PIN from; a PIN among its arguments could be read by everybody. */
const PIN_VARIABLE = 'LATCHKEY_PKCS11_PIN';

/** What stands before a digest in a signature of RSASSA-PKCS1-v1_5 (RFC 8017 §9.2, note 1). */
const DIGEST_INFO: Readonly<Record<string, string>> = {
  256: '3031300d060960864801650304020105000420',
  384: '3041300d060960864801650304020205000430',
  512: '3051300d060960864801650304020305000440',
};

/** The PIN was wrong, or the token is locked: asking again would lock it for good. */
class RefusedPin extends Error {}

/**
 * A PKCS#11 token, spoken to through OpenSC's `pkcs11-tool`: one short process for a signature. No native code comes
 * into Latchkey's own process, and a module that hangs or crashes takes nothing with it. The digest is made here, so that
 * mechanisms are enough which every token has, and what is sent to a token over a network is short.
 */
export class Pkcs11Token implements SigningDevice {
  readonly #words: string[];
  readonly #tool: string;
  readonly #environment: Record<string, string>;
  #refused: RefusedPin | undefined;

  constructor(options: {
    module: string;
    token: string;
    pin: string;
    tool: string;
    variables: Record<string, string>;
  }) {
    this.#words = [`--module=${options.module}`, `--token-label=${options.token}`];
    this.#tool = options.tool;
    this.#environment = { ...options.variables, [PIN_VARIABLE]: options.pin };
  }

  async publicKey(name: string, signal: AbortSignal): Promise<KeyObject> {
    const der = await this.#run(['--read-object', '--type=pubkey', `--id=${name}`], undefined, signal);
    return createPublicKey({ key: der, format: 'der', type: 'spki' });
  }

  sign(
    { name, algorithm, data }: { name: string; algorithm: string; data: Uint8Array },
    signal: AbortSignal,
  ): Promise<Buffer> {
    const size = algorithm.slice(-3);
    const digest = createHash(`sha${size}`).update(data).digest();
    const words = ['--login', `--pin=env:${PIN_VARIABLE}`, '--sign', `--id=${name}`];
    switch (algorithm.slice(0, 2)) {
      case 'RS': {
        const block = Buffer.concat([Buffer.from(DIGEST_INFO[size] as string, 'hex'), digest]);
        return this.#run([...words, '--mechanism=RSA-PKCS'], block, signal);
      }
      case 'PS': {
        const parameters = [
          `--hash-algorithm=SHA${size}`,
          `--mgf=MGF1-SHA${size}`,
          `--salt-len=${digest.length}`,
        ];
        return this.#run([...words, '--mechanism=RSA-PKCS-PSS', ...parameters], digest, signal);
      }
      case 'ES':
        return this.#run([...words, '--mechanism=ECDSA', '--signature-format=rs'], digest, signal);
      default:
        throw new Error(`it does not sign with ${algorithm}`);
    }
  }

  async close(): Promise<void> {}

  /**
   * Asked again after a failure, within the time there is: a token of which several processes make use may be busy with another
   * login. A signature that is made twice does no harm; a wrong PIN that is shown twice does.
   */
  async #run(words: string[], input: Buffer | undefined, signal: AbortSignal): Promise<Buffer> {
    for (let tries = 1; ; tries += 1) {
      if (this.#refused !== undefined) throw this.#refused;
      try {
        return await this.#runOnce(words, input, signal);
      } catch (error) {
        if (error instanceof RefusedPin) this.#refused = error;
        if (error instanceof RefusedPin || tries === MOST_TRIES) throw error;
        await pause(randomInt(RETRY_MILLISECONDS, 2 * RETRY_MILLISECONDS * tries + 1), undefined, { signal });
      }
    }
  }

  #runOnce(words: string[], input: Buffer | undefined, signal: AbortSignal): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      const child = spawn(this.#tool, [...this.#words, ...words], {
        env: this.#environment,
        stdio: ['pipe', 'pipe', 'pipe'],
        signal,
        killSignal: 'SIGKILL',
      });
      const output: Buffer[] = [];
      let length = 0;
      let told = '';
      child.stdout.on('data', (chunk: Buffer) => {
        length += chunk.length;
        if (length <= LONGEST_OUTPUT) output.push(chunk);
      });
      child.stderr.setEncoding('utf8').on('data', (text: string) => {
        if (told.length < LONGEST_OUTPUT) told += text;
      });
      // Of a tool that ends before it has read: its end is the answer.
      child.stdin.on('error', () => {});
      child.stdin.end(input);
      child.once('error', (error) =>
        reject(signal.aborted ? signal.reason : new Error(`${this.#tool} cannot be run (${error.message})`)),
      );
      child.once('close', (code) => {
        if (code === 0 && length > 0 && length <= LONGEST_OUTPUT) resolve(Buffer.concat(output));
        else if (/CKR_PIN_(INCORRECT|LOCKED|EXPIRED|INVALID|LEN_RANGE)/.test(told)) {
          reject(new RefusedPin('the token refuses the PIN; it is not asked again before a restart'));
        } else reject(new Error(`the token did not do it: ${failureIn(told)}`));
      });
    });
  }
}

/** The line of the tool's output that says what failed. */
function failureIn(told: string): string {
  const lines = told.split('\n').map((line) => line.trim());
  const failure =
    lines.find((line) => /^error|failed|not found|No slot/i.test(line)) ?? lines.find((line) => line !== '');
  return (failure ?? 'pkcs11-tool said nothing').slice(0, 200);
}
