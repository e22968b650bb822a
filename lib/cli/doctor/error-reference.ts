import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';

/** A line of the log; what is no JSON object is none. */
function parseLine(text: string): Record<string, unknown> | undefined {
  try {
    const line: unknown = JSON.parse(text);
    return typeof line === 'object' && line !== null ? (line as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

/** People read references out over the phone: case, and what they put between the characters, does not matter. */
const canonical = (reference: string): string => reference.toUpperCase().replace(/[^0-9A-Z]/g, '');

/** The lines of a log that carry this reference, and those of the same request. Rejects when the log cannot be read. */
export async function findReference(log: Readable, reference: string): Promise<Record<string, unknown>[]> {
  const wanted = canonical(reference);
  const byRequest = new Map<string, Record<string, unknown>[]>();
  let found: Record<string, unknown>[] = [];
  let request: unknown;
  for await (const text of createInterface({ input: log, crlfDelay: Number.POSITIVE_INFINITY })) {
    const line = parseLine(text);
    if (line === undefined) continue;
    const { requestId } = line;
    if (typeof line.reference === 'string' && canonical(line.reference) === wanted) {
      request = requestId;
      found = [...found, ...(byRequest.get(String(requestId)) ?? []), line];
    } else if (requestId !== undefined && requestId === request) found.push(line);
    else if (typeof requestId === 'string') remember(byRequest, requestId, line);
  }
  return found;
}

/** A log may be of any length; what belongs to one request stands close together. */
const MOST_REQUESTS = 1000;

function remember(
  byRequest: Map<string, Record<string, unknown>[]>,
  requestId: string,
  line: Record<string, unknown>,
): void {
  const lines = byRequest.get(requestId);
  if (lines !== undefined) {
    lines.push(line);
    return;
  }
  if (byRequest.size >= MOST_REQUESTS) {
    const oldest = byRequest.keys().next();
    if (!oldest.done) byRequest.delete(oldest.value);
  }
  byRequest.set(requestId, [line]);
}

const text = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value));

/** For people: what happened first, then everything else that the line says, causes last. */
export function describeLogLine(line: Record<string, unknown>): string {
  const { time, msg, err, level: _level, pid: _pid, hostname: _hostname, ...rest } = line;
  const lines = [`${text(time ?? '')}  ${text(msg ?? '')}`];
  for (const [name, value] of Object.entries(rest)) lines.push(`  ${name}: ${text(value)}`);
  for (let error = err as Record<string, unknown> | undefined; error; error = causeOf(error)) {
    lines.push(`  ${text(error.name ?? 'error')}: ${text(error.error_description ?? error.message ?? '')}`);
    if (error.error_detail !== undefined) lines.push(`    in detail: ${text(error.error_detail)}`);
  }
  return lines.join('\n');
}

const causeOf = (error: Record<string, unknown>): Record<string, unknown> | undefined =>
  typeof error.cause === 'object' && error.cause !== null
    ? (error.cause as Record<string, unknown>)
    : undefined;
