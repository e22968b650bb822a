import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { connect } from 'node:tls';
import { type Check, type Finding, fine, orFine, problem, warning } from './finding.ts';
import { clockFinding } from './store-checks.ts';

const TIMEOUT_MILLISECONDS = 5000;
const DAY = 86_400_000;
/** Renewal is automatic at most certificate authorities a month before the end: what is below was not renewed. */
const SOON_DAYS = 21;
const VERY_SOON_DAYS = 7;
/** `Date` has whole seconds, and the answer took its time. */
const DATE_PRECISION_MILLISECONDS = 1500;
/** Shorter prefixes than these are more than one data centre. */
const WIDE_PREFIX = { 4: 16, 6: 32 } as const;

const reasonOf = (error: unknown): string => {
  const { cause, message } = error as Error;
  const { code, message: inner } = (cause ?? {}) as NodeJS.ErrnoException;
  return code ?? inner ?? message;
};

/** Discovery, asked for as an application would: it must be there, and name the issuer (OpenID Connect Discovery §4.3). */
export const issuerCheck: Check = async ({ configuration: { issuer }, inUse }) => {
  const url = `${issuer}/.well-known/openid-configuration`;
  const asked = Date.now();
  let response: Response;
  try {
    response = await fetch(url, { redirect: 'manual', signal: AbortSignal.timeout(TIMEOUT_MILLISECONDS) });
  } catch (error) {
    const message = `${url} does not answer (${reasonOf(error)})`;
    return [
      inUse
        ? problem('issuer', message, 'check DNS, the proxy and its certificate: applications ask there too')
        : warning(
            'issuer',
            `${message}, and no server runs on this data directory`,
            'start it: latchkey serve',
          ),
    ];
  }
  const answered = Date.now();
  const document = (await response.json().catch(() => undefined)) as { issuer?: unknown } | undefined;
  if (!response.ok || document === undefined) {
    return [
      problem(
        'issuer',
        `${url} answers with status ${response.status} and no discovery document`,
        'see that the proxy passes this path to Latchkey',
      ),
    ];
  }
  if (document.issuer !== issuer) {
    return [
      problem(
        'issuer',
        `${url} names another issuer (${String(document.issuer)})`,
        'another server answers there, or one that was started with other settings: restart it',
      ),
    ];
  }
  const date = Date.parse(response.headers.get('date') ?? '');
  const findings = [fine('issuer', `${url} answers and names the issuer`), ...(await pageFindings(issuer))];
  const ahead = date + 500 - (asked + answered) / 2;
  if (Math.abs(ahead) > DATE_PRECISION_MILLISECONDS) findings.push(clockFinding('clock', issuer, ahead));
  return findings;
};

/** Discovery answers in any case. Pages behind a proxy that is not believed lead to their own address, again and again. */
async function pageFindings(issuer: string): Promise<Finding[]> {
  const url = `${issuer}/`;
  const signal = AbortSignal.timeout(TIMEOUT_MILLISECONDS);
  const response = await fetch(url, { redirect: 'manual', signal }).catch(() => undefined);
  await response?.body?.cancel();
  if (response?.headers.get('location') !== url) return [];
  return [
    problem(
      'trusted_proxies',
      `${url} leads to itself: what comes by https is taken for plain http`,
      'name the proxy in trusted_proxies, by the address that it connects from, and have it send X-Forwarded-Proto: https',
    ),
  ];
}

/** Certificates: what the public address shows, and the own one. */
export const certificateCheck: Check = async ({ configuration: { issuer, tls }, now }) => {
  const findings: Finding[] = [];
  if (tls.certFile !== undefined) {
    const { validTo } = new X509Certificate(readFileSync(tls.certFile));
    findings.push(expiryFinding(`the certificate in ${tls.certFile}`, Date.parse(validTo), now));
  }
  const url = new URL(issuer);
  if (url.protocol !== 'https:') return findings;
  try {
    findings.push(expiryFinding(`the certificate of ${url.host}`, await certificateEnd(url), now));
  } catch (error) {
    findings.push(
      warning('tls', `no TLS connection to ${url.host} (${reasonOf(error)})`, 'see what “issuer” says'),
    );
  }
  return findings;
};

function expiryFinding(what: string, end: number, now: number): Finding {
  const left = Math.floor((end - now) / DAY);
  const message = left < 0 ? `${what} has expired` : `${what} is valid for ${left} more days`;
  if (left < VERY_SOON_DAYS)
    return problem('tls', message, 'renew it; Latchkey reads its own files again by itself');
  return left < SOON_DAYS
    ? warning('tls', message, 'see why it is not renewed by itself')
    : fine('tls', message);
}

/** When the certificate that a host shows ends; Unix time, ms. Whether it is trusted is for `issuerCheck`. */
async function certificateEnd(url: URL): Promise<number> {
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  const socket = connect({
    host,
    port: Number(url.port || 443),
    ...(/^[\d.]+$|:/.test(host) ? {} : { servername: host }),
    rejectUnauthorized: false,
    timeout: TIMEOUT_MILLISECONDS,
  });
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once('secureConnect', resolve);
      socket.once('error', reject);
      socket.once('timeout', () => reject(new Error('no answer in time')));
    });
    return Date.parse(socket.getPeerCertificate().valid_to);
  } finally {
    socket.destroy();
  }
}

/** Whoever is trusted may say who a visitor is: throttling by address, and the log, go by their word. */
export const proxyCheck: Check = ({ configuration: { trustedProxies, host, tls } }) => {
  if (trustedProxies.length === 0) return [];
  const findings: Finding[] = trustedProxies
    .filter((proxy) => {
      const [address = '', prefix] = proxy.split('/');
      const wide = address.includes(':') ? WIDE_PREFIX[6] : WIDE_PREFIX[4];
      return prefix !== undefined && Number(prefix) < wide;
    })
    .map((proxy) =>
      warning(
        'trusted_proxies',
        `${proxy} trusts a great many addresses: each of them may pass for any visitor`,
        'name the proxies themselves',
      ),
    );
  if (
    tls.certFile === undefined &&
    !/^(127\.|::1$|localhost$)/.test(host) &&
    trustedProxies.every((proxy) => proxy === 'loopback')
  ) {
    findings.push(
      warning(
        'trusted_proxies',
        `only this machine is trusted, and the server listens on ${host} without TLS: whoever reaches it past the proxy is served in the clear`,
        'listen on 127.0.0.1, or close the port to others',
      ),
    );
  }
  return orFine(findings, 'trusted_proxies', `${trustedProxies.join(', ')} may say who a visitor is`);
};

/** What an orchestrator asks: whether the server that runs here is ready. */
export const readinessCheck: Check = async ({ configuration: { managementHost, managementPort }, inUse }) => {
  if (managementPort === 0) return [];
  const host = managementHost.includes(':') ? `[${managementHost}]` : managementHost;
  const url = `http://${host}:${managementPort}/readyz`;
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(TIMEOUT_MILLISECONDS) });
    if (response.ok) return [fine('readiness', `${url} says that the server is ready`)];
    const said = (await response.text()).trim().slice(0, 500);
    return [problem('readiness', `${url} answers ${response.status} (${said})`, 'its log says what failed')];
  } catch (error) {
    if (!inUse) return [];
    return [
      warning(
        'readiness',
        `${url} does not answer (${reasonOf(error)}), though a process has the data directory open`,
        'if a server runs here, see that management_host and management_port are the ones that it was started with',
      ),
    ];
  }
};
