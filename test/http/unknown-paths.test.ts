import { expect } from 'chai';
import { LatchkeyProcess } from '../flows/latchkey-process.ts';

describe('answers where there is nothing', () => {
  let latchkey: LatchkeyProcess;

  before(async () => {
    latchkey = await LatchkeyProcess.start();
  });
  after(() => latchkey?.stop());

  const get = (path: string, init: RequestInit = {}) =>
    fetch(new URL(path, latchkey.issuer), { redirect: 'manual', ...init });

  it('are JSON for programs, curl among them, and pages for browsers', async () => {
    for (const path of ['/nothing', '/token', '/auth/none/more']) {
      for (const accept of [undefined, '*/*', 'application/json', 'application/json, text/html']) {
        const response = await get(path, accept === undefined ? {} : { headers: { accept } });
        expect(response.headers.get('content-type'), `${path} ${accept}`).to.match(/^application\/json/);
        expect(await response.json()).to.have.keys('error', 'error_description');
      }
      for (const accept of ['text/html', 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8']) {
        const response = await get(path, { headers: { accept } });
        expect(response.headers.get('content-type'), `${path} ${accept}`).to.match(/^text\/html/);
        expect(await response.text()).to.contain('data-page="error"');
      }
    }
  });

  it('name the methods that there are', async () => {
    expect((await get('/token')).headers.get('allow')).to.equal('POST');
    expect((await get('/jwks', { method: 'POST' })).headers.get('allow')).to.equal('GET, HEAD');
    expect((await get('/interaction/x/login', { method: 'PUT' })).headers.get('allow')).to.contain('POST');
  });
});
