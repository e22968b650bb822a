import { hash } from 'node:crypto';
import { FRONTED_KEY_BYTES } from './record-key.ts';
import type { RecordKey } from './storage.ts';
import { createTokenIdentifier, FRONT_BYTES, frontOfIdentifier } from './token-identifier.ts';

/**
 * Where the place begins within an identifier's front. It is three random bytes, one that tells by which key it is masked,
 * and the masked tag with four random bits before it.
 */
const HINT_OFFSET = 9;
const TAG_OFFSET = 10;

/** How many different tags there are. A Cluster has 16,384 slots and a few hundred masters at most. */
export const TAGS = 4096;
const TAG_MASK = TAGS - 1;
/** What was not made here and has to be together: it shares one tag. */
export const FOREIGN_TAG = '~';

const CHARACTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

/** A tag's text, between the braces of a key's name (Redis Cluster specification, "hash tags"). */
export function tagText(tag: number): string {
  return `${CHARACTERS[tag >> 6]}${CHARACTERS[tag & 63]}`;
}

/** One secret under which tags are masked. */
class Mask {
  readonly hint: number;
  readonly #input: Buffer;
  readonly #secretBytes: number;

  constructor(secret: Buffer) {
    this.#secretBytes = secret.length;
    this.#input = Buffer.concat([secret, Buffer.alloc(TAG_OFFSET)]);
    this.hint = Number.parseInt(hash('sha256', Buffer.concat([secret, Buffer.from('hint')])).slice(0, 2), 16);
  }

  /** What a tag is combined with behind this front. */
  pad(front: Buffer): number {
    front.copy(this.#input, this.#secretBytes, 0, TAG_OFFSET);
    return Number.parseInt(hash('sha256', this.#input).slice(0, 4), 16) & TAG_MASK;
  }
}

/**
 * Which things are kept together. A session, the grants in it, and the codes and tokens of those have one tag, so that a
 * request's writes are one script also in a Cluster, where a script sees one slot. The tag travels in the identifiers; there it
 * is masked, since tokens of one session at two applications must not tell them that it is one person (OpenID Connect
 * Core §8.1 gives each its own subject).
 */
export class SlotTags {
  readonly #masks: ReadonlyArray<Mask>;

  /** `secrets` are newest first. What was masked under one that is not among them is not found any more. */
  constructor(secrets: ReadonlyArray<Buffer>) {
    this.#masks = secrets.map((secret) => new Mask(secret));
  }

  /** A new identifier of something that is kept together with `neighbour`, else anywhere. */
  createIdentifier(neighbour?: string): string {
    const tag = neighbour === undefined ? undefined : this.#tagOfIdentifier(neighbour);
    const mask = this.#masks[0];
    if (tag === undefined || mask === undefined) return createTokenIdentifier((front) => this.#hint(front));
    return createTokenIdentifier((front) => {
      this.#hint(front);
      front.writeUInt16BE((front.readUInt16BE(TAG_OFFSET) & ~TAG_MASK) | (tag ^ mask.pad(front)), TAG_OFFSET);
    });
  }

  /** The tag of what has to be together: a session, a grant, a code, a token. */
  togetherTag(key: RecordKey): string {
    return key.length === FRONTED_KEY_BYTES ? tagText(this.#unmask(key)) : FOREIGN_TAG;
  }

  /** The tag of what stands alone, or is for many sessions. */
  aloneTag(key: RecordKey): string {
    return tagText(key.readUInt16BE(key.length - 2) & TAG_MASK);
  }

  #hint(front: Buffer): void {
    const mask = this.#masks[0];
    if (mask !== undefined) front.writeUInt8(mask.hint, HINT_OFFSET);
  }

  #tagOfIdentifier(identifier: string): number | undefined {
    const front = frontOfIdentifier(identifier);
    if (front === undefined) return undefined;
    const bytes = Buffer.alloc(FRONT_BYTES);
    bytes.write(front, 'base64url');
    return this.#unmask(bytes);
  }

  #unmask(front: Buffer): number {
    const hint = front[HINT_OFFSET];
    const mask = this.#masks.find((candidate) => candidate.hint === hint);
    return (front.readUInt16BE(TAG_OFFSET) ^ (mask?.pad(front) ?? 0)) & TAG_MASK;
  }
}
