/** The DER form between colons, as a byte sequence of RFC 8941 §3.3.5. */
const BYTE_SEQUENCE = /^:([A-Za-z\d+/]+={0,2}):$/;

/** The certificate that a proxy passes on in these `Client-Cert` fields (RFC 9440 §2.2); none where there is not exactly one. */
export function clientCertOf(fields: readonly string[]): Uint8Array<ArrayBuffer> | undefined {
  const [field, ...others] = fields;
  const encoded = others.length > 0 ? undefined : BYTE_SEQUENCE.exec(field?.trim() ?? '')?.[1];
  if (encoded === undefined) return undefined;
  try {
    return Uint8Array.from(atob(encoded), (character) => character.charCodeAt(0));
  } catch {
    return undefined;
  }
}
