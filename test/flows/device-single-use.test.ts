import { expect } from 'chai';
import { RedisServer } from '../redis/redis-servers.ts';
import { type Answer, Application, type Credentials } from './application.ts';
import { askForDevice, DEVICE_CLIENT, enterCode, letIn, poll } from './device-application.ts';
import { FormBrowser } from './form-browser.ts';
import { LatchkeyProcess } from './latchkey-process.ts';

const ATTEMPTS = 50;
const PEOPLE = 6;

const stores: [name: string, start: () => Promise<RedisServer | undefined>][] = [
  ['in the data directory', async () => undefined],
  ['in Redis', () => RedisServer.start({ appendOnly: true })],
];

function counted(values: (string | undefined)[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const value of values) counts[String(value)] = (counts[String(value)] ?? 0) + 1;
  return counts;
}

const outcomeOf = ({ status, body }: Answer): string => (status === 200 ? 'tokens' : String(body.error));

for (const [where, startRedis] of stores) {
  describe(`single use of device codes over four processes, remembered ${where}`, function () {
    this.timeout(120_000);
    let latchkey: LatchkeyProcess;
    let redis: RedisServer | undefined;
    let television: Application;
    const people: { person: Credentials; browser: FormBrowser }[] = [];

    before(async () => {
      redis = await startRedis();
      latchkey = await LatchkeyProcess.start({
        LATCHKEY_WORKERS: '4',
        ...(redis === undefined ? {} : { LATCHKEY_REDIS_URL: redis.url }),
      });
      television = await Application.register(latchkey, DEVICE_CLIENT);
      for (let index = 0; index < PEOPLE; index += 1) {
        const person = { login: `person-${index}@example.com`, password: `a long enough secret ${index}` };
        await latchkey.createPerson(person.login, person.password);
        const browser = new FormBrowser(latchkey.issuer);
        await letIn(browser, (await askForDevice(television, { scope: 'openid email' })).user_code, person);
        people.push({ person, browser });
      }
    });
    after(async () => {
      await latchkey?.stop();
      await redis?.remove();
    });

    it(`${ATTEMPTS} redemptions at once: one success, the others invalid_grant`, async () => {
      for (let round = 0; round < 3; round += 1) {
        const asked = await askForDevice(television);
        await letIn((people[0] as (typeof people)[0]).browser, asked.user_code);
        const answers = await Promise.all(Array.from({ length: ATTEMPTS }, () => poll(television, asked)));
        const outcomes = counted(answers.map(outcomeOf));
        expect(outcomes).to.deep.equal({ tokens: 1, invalid_grant: ATTEMPTS - 1 });
      }
    });

    it('several people who approve one code at once: one of them lets the device in, the others are told', async () => {
      for (let round = 0; round < 3; round += 1) {
        const asked = await askForDevice(television, { scope: 'openid email' });
        const confirmed = await Promise.all(
          people.map(async ({ browser, person }) => ({
            person,
            browser,
            page: await enterCode(browser, asked.user_code),
          })),
        );
        const ends = await Promise.all(
          confirmed.map(async ({ browser, page, person }) => ({
            person,
            end: await browser.submit(page, 'approve'),
          })),
        );
        const winners = ends.filter(({ end }) => end.page.includes('The device is let in'));
        expect(winners, JSON.stringify(ends.map(({ end }) => [end.status, end.pageName]))).to.have.length(1);
        for (const { end } of ends) {
          if (winners.some((winner) => winner.end === end)) continue;
          expect(end.page).to.match(/Somebody else was first|has been used already/);
          expect(end.status).to.be.oneOf([400, 422]);
        }
        const { body } = await poll(television, asked);
        const { body: claims } = await television.userinfo(body.access_token);
        expect(claims.email).to.equal(winners[0]?.person.login);
      }
    });

    it('polls at once of something pending: one is answered, the others are told to slow down', async () => {
      const asked = await askForDevice(television);
      const answers = await Promise.all(Array.from({ length: 12 }, () => poll(television, asked)));
      expect(counted(answers.map(outcomeOf))).to.deep.equal({ authorization_pending: 1, slow_down: 11 });
    });

    it('no request failed on our side', () => {
      expect(latchkey.output).to.not.contain('"level":50');
    });
  });
}
