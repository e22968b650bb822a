import type { Operator } from '../demo/operator.ts';

/** What a client got when it was registered. */
export interface Registered {
  client_id: string;
  client_secret?: string;
}

/** Registers a client by its metadata (RFC 7591 names); throws with the words of a refusal. */
export type Register = (metadata: Record<string, unknown>) => Promise<Registered>;

/** Runs a command that must succeed; throws with its words when it does not. */
export async function run(operator: Operator, words: string[], input?: string): Promise<unknown> {
  const answer = await operator(words, input);
  if (answer.outcome === 'done') return answer.json;
  throw new Error(`latchkey ${words.join(' ')}: ${answer.error}: ${answer.description}`);
}

export function registrar(operator: Operator): Register {
  return async (metadata) =>
    (await run(operator, ['clients', 'create', '--file', '-'], JSON.stringify(metadata))) as Registered;
}
