import { expect } from 'chai';
import { loadConfiguration } from '../../config/load.ts';
import { announcement } from '../../lib/announcement.ts';

const said = (port: number, environment: Record<string, string> = {}): string =>
  announcement(loadConfiguration({ environment, directory: '/nonexistent' }), port);

describe('what a server says when it serves', () => {
  it('is where, and what to do next', () => {
    expect(said(3000))
      .to.contain('ready: http://localhost:3000  (listening on 127.0.0.1:3000)')
      .and.contain('Data:              /nonexistent/data')
      .and.contain('users create')
      .and.contain('clients create');
  });

  it('warns of an issuer that names another port, and gives the one that would fit', () => {
    expect(said(4000)).to.contain('LATCHKEY_ISSUER=http://localhost:4000');
    expect(said(4000, { LATCHKEY_ISSUER: 'http://127.0.0.1' })).to.contain('=http://127.0.0.1:4000');
    expect(said(80, { LATCHKEY_ISSUER: 'http://127.0.0.1' })).not.to.contain('LATCHKEY_ISSUER');
    expect(said(3000)).not.to.contain('LATCHKEY_ISSUER');
  });

  it('does not where a proxy stands between', () => {
    const environment = { LATCHKEY_TRUSTED_PROXIES: 'loopback' };
    expect(said(4000, environment)).not.to.contain('LATCHKEY_ISSUER');
    expect(said(4000, { ...environment, LATCHKEY_ISSUER: 'https://id.example' })).not.to.contain('lead to');
  });

  it('has nobody create people where these are kept elsewhere', () => {
    const environment = {
      LATCHKEY_ACCOUNTS_ADAPTER: 'http',
      LATCHKEY_ACCOUNTS_HTTP_URL: 'http://127.0.0.1:4000',
    };
    expect(said(3000, environment)).not.to.contain('users create');
  });
});
