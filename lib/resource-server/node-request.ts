import { clientCertOf } from './client-cert-header.ts';

/** The part of a Node request that is used. */
export interface NodeRequestLike {
  readonly rawHeaders: readonly string[];
  /** What Express and Koa type as a plain socket; on TLS it tells the peer's certificate. */
  readonly socket?: object;
}

interface Peer {
  getPeerX509Certificate?(): { raw: Uint8Array } | undefined;
}

/**
 * All fields of this name, of which `headers` would keep the first alone or join several.
 *
 * @param name in lower case.
 */
export function headerFields({ rawHeaders }: NodeRequestLike, name: string): string[] {
  return rawHeaders.filter((_, index) => index % 2 === 1 && rawHeaders[index - 1]?.toLowerCase() === name);
}

/** The certificate of whoever sent a Node request, as DER, from where it is said to come. */
export function certificateOf(
  request: NodeRequestLike,
  source: 'tls' | 'client-cert' | undefined,
): Uint8Array<ArrayBuffer> | undefined {
  if (source === 'client-cert') return clientCertOf(headerFields(request, 'client-cert'));
  if (source === undefined) return undefined;
  const raw = (request.socket as Peer | undefined)?.getPeerX509Certificate?.()?.raw;
  return raw === undefined ? undefined : Uint8Array.from(raw);
}
