import { expect } from 'chai';
import { RedisServer } from '../redis/redis-servers.ts';
import { ADA, Application } from './application.ts';
import { ask, ON, outcomeOf, POLLING, poll, requestsPage } from './ciba-requests.ts';
import { FormBrowser } from './form-browser.ts';
import { LatchkeyProcess } from './latchkey-process.ts';

const ATTEMPTS = 50;
const stores: [name: string, start: () => Promise<RedisServer | undefined>][] = [
  ['in the data directory', async () => undefined],
  ['in Redis', () => RedisServer.start({ appendOnly: true })],
];

for (const [where, startRedis] of stores) {
  describe(`single use of confirmed sign-ins over four processes, remembered ${where}`, function () {
    this.timeout(120_000);

    it('fifty redemptions at once: one success; answers in two tabs at once: one counts', async () => {
      const redis = await startRedis();
      const latchkey = await LatchkeyProcess.start({
        ...ON,
        LATCHKEY_WORKERS: '4',
        ...(redis === undefined ? {} : { LATCHKEY_REDIS_URL: redis.url }),
      });
      try {
        await latchkey.createPerson(ADA.login, ADA.password);
        const counter = await Application.register(latchkey, POLLING);
        const browser = new FormBrowser(latchkey.issuer);
        await requestsPage(browser);
        const asked = await ask(counter);
        await browser.submit(await requestsPage(browser), 'approve-0');
        const answers = await Promise.all(Array.from({ length: ATTEMPTS }, () => poll(counter, asked)));
        const outcomes = answers.map(outcomeOf);
        expect(outcomes.filter((outcome) => outcome === 'tokens')).to.have.length(1);
        expect(outcomes.filter((outcome) => outcome === 'invalid_grant')).to.have.length(ATTEMPTS - 1);

        for (let round = 0; round < 5; round += 1) {
          const again = await ask(counter);
          const page = await requestsPage(browser);
          const [one, other] = await Promise.all([
            browser.submit(page, 'approve-0'),
            browser.submit(page, 'deny-0'),
          ]);
          const told = [one, other].map(({ page: text, status }) => {
            expect(status, text).to.equal(200);
            return text.includes('Nothing was done');
          });
          expect(told.filter(Boolean), 'one of them counts').to.have.length(1);
          const answer = outcomeOf(await poll(counter, again));
          expect(answer).to.equal(told[0] === true ? 'access_denied' : 'tokens');
        }
      } finally {
        await latchkey.stop();
        await redis?.remove();
      }
    });
  });
}
