import { z } from 'zod';

/** Direction controls and control characters change what a person reads on the consent page. */
const READABLE = /^[^\p{Cc}\p{Zl}\p{Zp}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]+$/u;

/** A name that is shown to people: one line of at most `maximum` characters that reads as it is written. */
export function readableText(maximum: number) {
  return z
    .string()
    .min(1)
    .max(maximum)
    .regex(READABLE, 'must not contain control or direction characters')
    .refine((text) => text.trim() === text, 'must not begin or end with a space');
}
