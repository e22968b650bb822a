import { expect } from 'chai';

type Headers = { get(name: string): string | null | undefined };

/** Asserts the headers that every answer carries, whatever it is. `secure`: the issuer is https. */
export function expectSecurityHeaders(headers: Headers, what: string, secure = false): void {
  const value = (name: string): string => headers.get(name) ?? '';
  const policy = value('content-security-policy');
  expect(policy, `${what}: policy`).to.match(/(^|;)default-src 'none'(;|$)/);
  expect(policy, `${what}: policy`).to.contain("frame-ancestors 'none'").and.to.contain("base-uri 'none'");
  expect(policy, `${what}: policy`).not.to.match(/unsafe-|\*(?!:|;| |$)|http:(?!\/\/)/);
  expect(value('x-content-type-options'), what).to.equal('nosniff');
  expect(value('x-frame-options'), what).to.equal('DENY');
  expect(value('referrer-policy'), what).to.equal('no-referrer');
  expect(value('permissions-policy'), what).to.contain('camera=()');
  expect(value('cross-origin-resource-policy'), what).to.equal('same-origin');
  expect(value('x-powered-by') + value('server'), what).to.equal('');
  const transport = value('strict-transport-security');
  if (secure) expect(transport, what).to.match(/^max-age=\d{8,}/);
  else expect(transport, what).to.equal('');
}

/** Asserts that an answer is not kept anywhere. */
export function expectNotStored(headers: Headers, what: string): void {
  expect(headers.get('cache-control'), `${what}: Cache-Control`).to.equal('no-store');
}
