import { dictionary } from '@zxcvbn-ts/language-common';
import { expect } from 'chai';
import fc from 'fast-check';
import { createPasswordPolicy, isTooLong } from '../../lib/authentication/passwords/password-policy.ts';

const policy = createPasswordPolicy({ minimumLength: 8 });
const ann = { login: 'annabella@example.com', email: 'ann.arbor@mail.example' };

async function verdict(password: string, person: { login: string; email?: string } = ann): Promise<string> {
  const judged = await policy.judge(password, person);
  return judged.outcome === 'accepted' ? 'accepted' : judged.reason;
}

describe('password policy', () => {
  for (const [what, password, expected] of [
    ['seven characters', 'rx7 qvw', 'too_short'],
    ['eight characters', 'rx7 qvwz', 'accepted'],
    ['nothing', '', 'too_short'],
    ['seven characters of two code units each', '\u{1f511}'.repeat(7), 'too_short'],
    ['eight characters of two code units each', '\u{1f511}'.repeat(8), 'accepted'],
    ['eight code points that are four letters', 'e\u0301o\u0301i\u0301u\u0301', 'too_short'],
    ['64 characters', 'correct horse battery staple and then sixty-four letters of it..', 'accepted'],
    ['1024 characters', 'k'.repeat(1023).concat('\u{1f511}'), 'accepted'],
    ['1025 characters', 'k'.repeat(1025), 'too_long'],
    ['a megabyte', 'k'.repeat(1_000_000), 'too_long'],
    ['small letters alone', 'vqxjzkwp', 'accepted'],
    ['capitals alone', 'VQXJZKWP', 'accepted'],
    ['digits alone', '8305174962', 'accepted'],
    ['signs alone', '~~}{~|}^', 'accepted'],
    ['spaces around and inside', '  a walk at noon  ', 'accepted'],
    ['another script', 'прогулка в полночь', 'accepted'],
    ['a common one', 'password1', 'common'],
    ['a common one in other case', 'PassWord1', 'common'],
    ['a common one in full-width letters', 'ｐａｓｓｗｏｒｄ１', 'common'],
    ['the login', 'annabella@example.com', 'personal'],
    ['the login in other case', 'AnnaBella@Example.Com', 'personal'],
    ['the login without its domain', 'annabella', 'personal'],
    ['the mail address', 'ann.arbor@mail.example', 'personal'],
    ['the mail address without its domain', 'Ann.Arbor', 'personal'],
    ['a sentence with the login in it', 'annabella walks at noon', 'accepted'],
  ] as const) {
    it(`${expected === 'accepted' ? 'accepts' : 'refuses'} ${what}`, async () => {
      expect(await verdict(password)).to.equal(expected);
    });
  }

  it('refuses each of the 3000 most used passwords that are long enough', async () => {
    const mostUsed = dictionary['passwords-common'].filter((password) => password.length >= 8).slice(0, 3000);
    expect(mostUsed).to.have.length(3000);
    for (const password of mostUsed) expect(await verdict(password), password).to.equal('common');
  });

  it('judges people without a mail address, and does not take its absence for a password', async () => {
    expect(await verdict('annabella', { login: 'annabella' })).to.equal('personal');
    expect(await verdict('a walk at noon', { login: 'annabella' })).to.equal('accepted');
  });

  it('holds to the least length that is configured', async () => {
    const strict = createPasswordPolicy({ minimumLength: 15 });
    expect(await strict.judge('fourteen chars', ann)).to.include({ outcome: 'refused', reason: 'too_short' });
    expect(await strict.judge('fifteen letters', ann)).to.deep.equal({ outcome: 'accepted' });
  });

  it('property: asks for no composition, whatever the characters', async () => {
    const common = new Set(dictionary['passwords-common']);
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'grapheme', minLength: 8, maxLength: 100 }), async (password) => {
        const folded = password.normalize('NFKC').toLowerCase();
        fc.pre([...password.normalize('NFKC')].length >= 8 && !common.has(folded));
        expect(await verdict(password)).to.equal('accepted');
      }),
      { numRuns: 2000 },
    );
  });

  it('says why in words that do not repeat the password', async () => {
    for (const password of ['iloveyou', 'annabella', 'x1y2', 'k'.repeat(1025)]) {
      const judged = await policy.judge(password, ann);
      if (judged.outcome !== 'refused') throw new Error(`accepted ${password}`);
      expect(judged.description).to.be.a('string').and.not.empty;
      expect(judged.description).to.not.include(password);
    }
  });

  it('counts code points up to the limit and walks no text beyond it', () => {
    expect(isTooLong('\u{1f511}'.repeat(1024))).to.equal(false);
    expect(isTooLong('\u{1f511}'.repeat(1025))).to.equal(true);
    const endless = 'k'.repeat(100_000_000);
    const used = process.cpuUsage();
    expect(isTooLong(endless)).to.equal(true);
    expect(process.cpuUsage(used).user, 'µs').to.be.below(100_000);
  });
});
