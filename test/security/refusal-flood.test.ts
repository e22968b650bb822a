import { expect } from 'chai';
import { eventually, LatchkeyProcess } from '../flows/latchkey-process.ts';
import { logOf } from '../flows/server-log.ts';

describe('a flood of wrong requests', function () {
  this.timeout(60_000);
  let latchkey: LatchkeyProcess;
  before(async () => {
    latchkey = await LatchkeyProcess.start({ LATCHKEY_TRUSTED_PROXIES: 'loopback' });
  });
  after(() => latchkey?.stop());

  const wrong = (path: string, address: string, headers: Record<string, string> = {}) =>
    fetch(new URL(path, latchkey.issuer), {
      headers: { 'X-Forwarded-For': address, 'X-Forwarded-Proto': 'http', ...headers },
    });
  const refusals = () => logOf(latchkey).filter(({ msg }) => /^(protocol error|request refused)$/.test(msg));

  it('fills no log: its lines are counted, and everybody else still has theirs', async () => {
    const page = { Accept: 'text/html' };
    for (let attempt = 0; attempt < 130; attempt += 1) {
      await wrong('/auth?client_id=nobody', '192.0.2.1', page);
      await wrong('/me', '192.0.2.1');
    }
    const warned = () => logOf(latchkey).filter(({ msg }) => msg.startsWith('refused requests are counted'));
    await eventually('the log has come', () => warned().length > 0);
    expect(refusals()).to.have.length(200);
    expect(warned().map(({ address }) => address)).to.deep.equal(['192.0.2.1']);
    const silent = await wrong('/auth?client_id=nobody', '192.0.2.1', page);
    expect(silent.status).to.equal(400);
    expect(silent.headers.get('latchkey-reference')).to.equal(null);
    expect(await silent.text())
      .to.include('invalid_client')
      .and.not.include('id="reference"');
    const other = await wrong('/auth?client_id=nobody', '198.51.100.7', page);
    const reference = other.headers.get('latchkey-reference');
    expect(await other.text()).to.include(reference);
    await eventually('its line has come', () => refusals().length > 200);
    expect(refusals().at(-1)).to.include({ reference });
  });

  it('makes no line longer than somebody reads', async () => {
    const answer = await wrong(`/${'x'.repeat(9000)}?client_id=${'y'.repeat(3000)}`, '198.51.100.8');
    expect(answer.status).to.be.within(400, 499);
    const scope = `openid ${'z '.repeat(5000)}`;
    await wrong(`/auth?${new URLSearchParams({ client_id: 'nobody', scope })}`, '198.51.100.8');
    const longest = Math.max(...latchkey.output.split('\n').map((line) => line.length));
    expect(longest).to.be.below(20_000);
  });
});
