import type { Configuration } from '../config/configuration.ts';

type Announced = Pick<Configuration, 'issuer' | 'host' | 'dataDir' | 'tls' | 'trustedProxies' | 'accounts'>;

/** What a server says for people once it serves on `port`: where, and what to do next. */
export function announcement(configuration: Announced, port: number): string {
  const { issuer, host, dataDir, accounts } = configuration;
  return [
    '',
    `  Latchkey is ready: ${issuer}  (listening on ${host}:${port})`,
    `  Discovery:         ${issuer}/.well-known/openid-configuration`,
    `  Data:              ${dataDir}`,
    ...misleadingIssuer(configuration, port),
    '',
    ...(accounts.adapter === 'sql'
      ? [
          '  Create the first person:        npm run -s latchkey -- users create --email you@example.com --password-stdin',
        ]
      : []),
    '  Register the first application: npm run -s latchkey -- clients create --help',
    '',
    '',
  ].join('\n');
}

/** Whoever tries another port easily forgets that pages and applications are led to the issuer, wherever they came from. */
function misleadingIssuer({ issuer, tls, trustedProxies }: Announced, port: number): string[] {
  const { protocol, hostname, port: named } = new URL(issuer);
  const somebodyForwards = protocol === 'https:' || tls.certFile !== undefined || trustedProxies.length > 0;
  if (somebodyForwards || Number(named || 80) === port) return [];
  return [
    '',
    `  Pages lead to ${issuer}, which is another port than this one. Unless that is forwarded here, start with`,
    `  LATCHKEY_ISSUER=http://${hostname}:${port}`,
  ];
}
