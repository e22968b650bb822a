/** What the load generator has to know about a server under measurement: where it is and whom it knows. */
export interface Target {
  issuer: string;
  port: number;
  /** Confidential client of people: authorization code and refresh token, client_secret_basic. */
  webClient: ClientCredentials;
  redirectUri: string;
  /** Confidential client of its own: client credentials, client_secret_basic. */
  machineClient: ClientCredentials;
  people: { login: string; password: string }[];
  /** Resource indicators (RFC 8707) of three APIs that differ in the form of their access tokens. */
  apis: { rs256: string; es256: string; opaque: string };
}

export interface ClientCredentials {
  clientId: string;
  clientSecret: string;
}

/** The scope that all three APIs know. */
export const apiScope = 'read';
