import { expect } from 'chai';
import { CliBench } from './cli-bench.ts';

interface ListedKey {
  kid: string;
  algorithm: string;
  state: string;
  created_at: string;
  activates_at: string;
  activated_at: string | null;
  retired_at: string | null;
  expires_at: string | null;
}
interface Rotation {
  outcome: string;
  successors: { algorithm: string; kid: string; activates_at: string }[];
  retired?: string[];
  breaks: string[];
}

describe('latchkey keys', () => {
  const bench = new CliBench();
  after(() => bench.close());

  const list = () => bench.json<ListedKey[]>(['keys', 'list']);
  const inState = async (state: string) => (await list()).filter((key) => key.state === state);
  const active = async (algorithm: string) =>
    (await inState('active')).find((key) => key.algorithm === algorithm) as ListedKey;

  it('list shows each key with its life, and nothing of the key itself', async () => {
    const keys = await list();
    expect(keys.map(({ algorithm, state }) => [algorithm, state])).to.have.deep.members([
      ['RS256', 'active'],
      ['ES256', 'active'],
    ]);
    for (const key of keys) {
      expect(key.kid).to.match(/^[\w-]{43}$/);
      expect(key.activated_at).to.match(/^\d{4}-.*Z$/);
      expect(key).to.include({ retired_at: null, expires_at: null });
      expect(key).to.have.all.keys(
        ...[
          'kid',
          'algorithm',
          'state',
          'created_at',
          'activates_at',
          'activated_at',
          'retired_at',
          'expires_at',
          'external_key',
        ],
      );
    }
    const { stdout } = await bench.run(['keys', 'list']);
    expect(stdout).to.match(/^KID +ALGORITHM +STATE +WHEN +LEAVES THE JWKS +KEPT\n/);
    expect(stdout).to.match(/ES256 +active +since 20\S+Z +- +here$/m);
  });

  it('rotate announces successors that sign when every cached JWKS has them', async () => {
    const former = await active('ES256');
    const rotated = await bench.json<Rotation>(['keys', 'rotate', '--algorithm', 'ES256']);
    expect(rotated).to.deep.include({ outcome: 'announced', breaks: [] });
    expect(rotated.successors.map(({ algorithm }) => algorithm)).to.deep.equal(['ES256']);
    expect(Date.parse(rotated.successors[0]?.activates_at ?? '')).to.be.greaterThan(Date.now() + 250_000);
    expect((await active('ES256')).kid).to.equal(former.kid);
    expect((await inState('announced')).map(({ kid }) => kid)).to.deep.equal([rotated.successors[0]?.kid]);
    const { stdout } = await bench.run(['keys', 'rotate']);
    expect(stdout).to.match(/^RS256: \S{43} is announced and signs from 20\S+Z$/m);
  });

  it('rotate --immediately signs with the successor at once, and says what breaks', async () => {
    const former = await active('ES256');
    const rotated = await bench.json<Rotation>(['keys', 'rotate', '--algorithm', 'ES256', '--immediately']);
    expect(rotated).to.deep.include({ outcome: 'activated', retired: [former.kid] });
    expect(rotated.breaks.join(' ')).to.contain(former.kid).and.contain('refuse tokens signed with');
    expect((await active('ES256')).kid).to.equal(rotated.successors[0]?.kid);
    const { stdout } = await bench.run(['keys', 'rotate', '--immediately']);
    expect(stdout)
      .to.match(/^RS256: \S{43} signs now$/m)
      .and.match(/^ES256: \S{43} signs now$/m);
    expect(stdout).to.contain('stay valid until they expire');
  });

  it('retire withdraws a key and names its successor', async () => {
    const former = await active('ES256');
    const retired = await bench.json(['keys', 'retire', former.kid]);
    expect(retired).to.include({ outcome: 'withdrawn', kid: former.kid });
    expect(retired.successor).to.include({ algorithm: 'ES256', kid: (await active('ES256')).kid });
    expect((await list()).map(({ kid }) => kid)).not.to.include(former.kid);
    const [old] = await inState('retired');
    const { code, stdout } = await bench.run(['keys', 'retire', old?.kid as string]);
    expect(code).to.equal(0);
    expect(stdout).to.contain(`${old?.kid} is withdrawn\n`).and.contain('is refused as soon as');
  });

  it('refuses an unknown algorithm and an unknown kid', async () => {
    const algorithm = await bench.refusal(['keys', 'rotate', '--algorithm', 'HS256']);
    expect(algorithm).to.include({ code: 1, error: 'unknown_algorithm' });
    expect(algorithm.error_description).to.contain('RS256, ES256');
    expect(await bench.refusal(['keys', 'retire', 'nobody'])).to.include({ code: 1, error: 'not_found' });
  });
});
