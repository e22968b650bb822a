import { X509Certificate } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { TLSSocket } from 'node:tls';
import type Koa from 'koa';
import type { Configuration } from '../../../config/configuration.ts';
import type { ClientCertificate } from '../../provider/client-authentication/client-certificate.ts';
import { comesFromProxy, type TrustedProxies } from './client-address.ts';

type Settings = Configuration['features']['mutualTls'];

/** What our own TLS was shown: a certificate whose key the peer holds, signed by one of `ca_file` or by anybody. */
function fromConnection({ socket }: IncomingMessage): ClientCertificate | undefined {
  if (!(socket instanceof TLSSocket)) return undefined;
  const certificate = socket.getPeerX509Certificate();
  return certificate === undefined ? undefined : { certificate, verified: socket.authorized };
}

/** A byte sequence of RFC 8941 §3.3.5, which is what RFC 9440 §2.2 makes the value. Two of them are none. */
const BYTE_SEQUENCE = /^:([A-Za-z\d+/]+={0,2}):$/;

/** What a trusted proxy says that it was shown. Whoever else sends the header is not heard (RFC 9440 §4). */
function fromProxy(
  request: IncomingMessage,
  proxies: TrustedProxies,
  verified: boolean,
): ClientCertificate | undefined {
  const given = request.headers['client-cert'];
  if (typeof given !== 'string' || !comesFromProxy(request, proxies)) return undefined;
  const encoded = BYTE_SEQUENCE.exec(given.trim())?.[1];
  if (encoded === undefined) return undefined;
  try {
    return { certificate: new X509Certificate(Buffer.from(encoded, 'base64')), verified };
  } catch {
    return undefined;
  }
}

/** Lets every request of `app` tell the certificate of its sender as `ctx.request.clientCertificate`, from where it is configured to come. */
export function tellClientCertificate(app: Koa, settings: Settings, proxies: TrustedProxies): void {
  const { certificates, caFile, proxyVerifies } = settings;
  Object.defineProperty(app.request, 'clientCertificate', {
    get(this: Koa.Request) {
      if (certificates === 'proxy') return fromProxy(this.req, proxies, proxyVerifies);
      if (certificates === 'off') return undefined;
      const shown = fromConnection(this.req);
      // Without authorities of the operator's own, Node takes any public one for good.
      return shown === undefined || caFile !== undefined ? shown : { ...shown, verified: false };
    },
  });
}
