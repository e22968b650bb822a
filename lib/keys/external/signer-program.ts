import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import type { KeyObject } from 'node:crypto';
import { createInterface } from 'node:readline';
import type { JWK } from 'jose';
import { z } from 'zod';
import type { Log } from '../../observability/log.ts';
import { readPublicKey } from '../key-material.ts';
import type { SigningDevice } from './signing-device.ts';

/** A program that ended is not started again sooner than this (ms) after its last start. */
const RESTART_MILLISECONDS = 1000;
/** How long (ms) it may go on after its input has ended. */
const ENDING_MILLISECONDS = 2000;
const LONGEST_LOGGED_LINE = 500;

const answerSchema = z.union([
  z.object({ id: z.int(), error: z.string() }),
  z.object({ id: z.int(), signature: z.base64url() }),
  z.object({ id: z.int(), public_key: z.looseObject({ kty: z.string() }) }),
]);
type Answer = z.output<typeof answerSchema>;

interface Pending {
  resolve: (answer: Answer) => void;
  reject: (error: Error) => void;
}

/**
 * A program that is asked on its standard input and answers on its standard output, one JSON object a line
 * (docs/external-keys.md). It is started when it is first asked and serves until its input ends; one that ended, or that hangs,
 * is replaced at the next call. What it writes on standard error goes to the log.
 */
export class SignerProgram implements SigningDevice {
  readonly #program: { file: string; words: string[]; variables: Record<string, string> };
  readonly #log: Log;
  readonly #pending = new Map<number, Pending>();
  #child: ChildProcessWithoutNullStreams | undefined;
  #startedAt = Number.NEGATIVE_INFINITY;
  #answeredAt = 0;
  #lastId = 0;
  #closing = false;

  constructor(options: { file: string; words: string[]; variables: Record<string, string>; log: Log }) {
    const { log, ...program } = options;
    this.#program = program;
    this.#log = log;
  }

  async publicKey(name: string, signal: AbortSignal): Promise<KeyObject> {
    const answer = await this.#ask({ operation: 'public_key', key: name }, signal);
    if (!('public_key' in answer)) throw new Error('it answered with no public key');
    return readPublicKey(answer.public_key as JWK);
  }

  async sign(
    { name, algorithm, data }: { name: string; algorithm: string; data: Uint8Array },
    signal: AbortSignal,
  ): Promise<Buffer> {
    const question = {
      operation: 'sign',
      key: name,
      algorithm,
      data: Buffer.from(data).toString('base64url'),
    };
    const answer = await this.#ask(question, signal);
    if (!('signature' in answer)) throw new Error('it answered with no signature');
    return Buffer.from(answer.signature, 'base64url');
  }

  async close(): Promise<void> {
    this.#closing = true;
    const child = this.#child;
    if (child === undefined) return;
    const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
    const timer = setTimeout(() => child.kill('SIGKILL'), ENDING_MILLISECONDS);
    child.stdin.end();
    await ended;
    clearTimeout(timer);
  }

  #ask(question: Record<string, string>, signal: AbortSignal): Promise<Answer> {
    const child = this.#child ?? this.#start();
    this.#lastId += 1;
    const id = this.#lastId;
    const askedAt = performance.now();
    return new Promise<Answer>((resolve, reject) => {
      this.#pending.set(id, { resolve, reject });
      signal.addEventListener(
        'abort',
        () => {
          if (!this.#pending.delete(id)) return;
          // Nothing came since this was asked: it is not slow with one key, it hangs.
          if (this.#answeredAt < askedAt && this.#child === child) child.kill('SIGKILL');
          reject(signal.reason);
        },
        { once: true },
      );
      child.stdin.write(`${JSON.stringify({ id, ...question })}\n`);
    }).then((answer) => {
      if ('error' in answer) throw new Error(answer.error);
      return answer;
    });
  }

  #start(): ChildProcessWithoutNullStreams {
    const now = performance.now();
    if (now - this.#startedAt < RESTART_MILLISECONDS) throw new Error('its program has ended a moment ago');
    this.#startedAt = now;
    const { file, words, variables } = this.#program;
    const child = spawn(file, words, { env: variables, stdio: ['pipe', 'pipe', 'pipe'] });
    this.#child = child;
    const ended = (reason: string): void => {
      if (this.#child === child) this.#child = undefined;
      if (!this.#closing)
        this.#log.error({ reason }, 'the external signer is gone; the next signature starts it again');
      for (const [id, { reject }] of this.#pending) {
        this.#pending.delete(id);
        reject(new Error(reason));
      }
    };
    child.once('error', (error) => ended(`${file} cannot be run (${error.message})`));
    child.once('close', (code, killedBy) => ended(`its program ended (${killedBy ?? code})`));
    // What is written to a program that has ended is answered by its end.
    child.stdin.on('error', () => {});
    createInterface({ input: child.stdout }).on('line', (line) => this.#read(line));
    createInterface({ input: child.stderr }).on('line', (line) =>
      this.#log.warn({ reason: line.slice(0, LONGEST_LOGGED_LINE) }, 'the external signer says'),
    );
    return child;
  }

  #read(line: string): void {
    this.#answeredAt = performance.now();
    let answer: Answer;
    try {
      answer = answerSchema.parse(JSON.parse(line));
    } catch {
      this.#log.error('the external signer wrote a line that is no answer');
      return;
    }
    const pending = this.#pending.get(answer.id);
    this.#pending.delete(answer.id);
    pending?.resolve(answer);
  }
}
