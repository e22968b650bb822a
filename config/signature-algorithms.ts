/** What can be signed with: RFC 7518 §3.1, RFC 8037 §3.1, RFC 9864 §2.2 (Ed25519), RFC 9964 (ML-DSA). No MACs, and not `none`. */
export const SIGNATURE_ALGORITHMS = [
  ...(['RS256', 'RS384', 'RS512'] as const),
  ...(['PS256', 'PS384', 'PS512'] as const),
  ...(['ES256', 'ES384', 'ES512'] as const),
  ...(['EdDSA', 'Ed25519'] as const),
  ...(['ML-DSA-44', 'ML-DSA-65', 'ML-DSA-87'] as const),
] as const;
