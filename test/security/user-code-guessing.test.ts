import { expect } from 'chai';
import { Application } from '../flows/application.ts';
import { askForDevice, DEVICE_CLIENT, letIn } from '../flows/device-application.ts';
import { FormBrowser, type Landing } from '../flows/form-browser.ts';
import { LatchkeyProcess } from '../flows/latchkey-process.ts';
import { RedisServer } from '../redis/redis-servers.ts';

const PER_ADDRESS = 4;
const PER_ACCOUNT = 3;
const TOTAL = 12;
const ALPHABET = 'BCDFGHJKLMNPQRSTVWXZ';

const stores: [name: string, start: () => Promise<RedisServer | undefined>][] = [
  ['in the data directory', async () => undefined],
  ['in Redis', () => RedisServer.start({ appendOnly: true })],
];

for (const [where, startRedis] of stores) {
  describe(`guessing the codes of devices, counted ${where}`, function () {
    this.timeout(60_000);
    let latchkey: LatchkeyProcess;
    let redis: RedisServer | undefined;
    let television: Application;

    before(async () => {
      redis = await startRedis();
      latchkey = await LatchkeyProcess.start({
        LATCHKEY_WORKERS: '2',
        LATCHKEY_TRUSTED_PROXIES: 'loopback',
        LATCHKEY_THROTTLING_USER_CODE_PER_ADDRESS: String(PER_ADDRESS),
        LATCHKEY_THROTTLING_USER_CODE_PER_ACCOUNT: String(PER_ACCOUNT),
        LATCHKEY_THROTTLING_USER_CODE_TOTAL: String(TOTAL),
        ...(redis === undefined ? {} : { LATCHKEY_REDIS_URL: redis.url }),
      });
      television = await Application.register(latchkey, DEVICE_CLIENT);
    });
    after(async () => {
      await latchkey?.stop();
      await redis?.remove();
    });

    /** How many wrong codes were judged so far. */
    let judged = 0;
    let serial = 0;
    /** A code that nobody has, but by a chance of one to twenty-five thousand millions. */
    function guess(): string {
      serial += 1;
      const digits = serial.toString(20).padStart(8, '0');
      return [...digits].map((digit) => ALPHABET[Number.parseInt(digit, 20)]).join('');
    }

    async function type(
      browser: FormBrowser,
      page: Landing,
      userCode: string,
      address: string,
    ): Promise<{ status: number; headers: Headers; text: string }> {
      const xsrf = /name="xsrf" value="([^"]+)"/.exec(page.page)?.[1] ?? '';
      const response = await browser.request(`${latchkey.issuer}/device`, {
        method: 'POST',
        headers: { 'x-forwarded-for': address },
        body: new URLSearchParams({ xsrf, user_code: userCode }),
      });
      if (response.status === 422) judged += 1;
      return { status: response.status, headers: response.headers, text: await response.text() };
    }

    async function open(): Promise<{ browser: FormBrowser; page: Landing }> {
      const browser = new FormBrowser(latchkey.issuer);
      return { browser, page: await browser.visit('/device') };
    }

    function expectThrottled({ status, headers, text }: Awaited<ReturnType<typeof type>>): void {
      expect(status).to.equal(429);
      const seconds = Number(headers.get('retry-after'));
      expect(seconds).to.be.within(1, 900);
      expect(headers.get('cache-control')).to.contain('no-store');
      expect(text).to.contain('data-page="device"').and.to.contain('role="alert"');
      expect(text).to.match(new RegExp(`wait ${Math.ceil(seconds / 60)} minutes?, then try again`));
    }

    it('is limited by address, in whatever browser, at once or one after another; the right code is not judged then', async () => {
      const { user_code: right } = await askForDevice(television);
      const address = '203.0.113.5';
      const statuses = await Promise.all(
        Array.from({ length: 20 }, async () => {
          const { browser, page } = await open();
          return (await type(browser, page, guess(), address)).status;
        }),
      );
      expect(statuses.filter((status) => status === 422)).to.have.length(PER_ADDRESS);
      expect(statuses.filter((status) => status === 429)).to.have.length(20 - PER_ADDRESS);
      const { browser, page } = await open();
      expectThrottled(await type(browser, page, right, address));
      expectThrottled(await type(browser, page, guess(), address));
      const elsewhere = await type(browser, page, right, '198.51.100.9');
      expect(elsewhere.text).to.contain('data-page="device-confirm"');

      await latchkey.terminate();
      await latchkey.launch();
      const later = await open();
      expectThrottled(await type(later.browser, later.page, right, address));
    });

    it('counts wrong codes alone', async () => {
      const { browser, page } = await open();
      const address = '203.0.113.6';
      for (let index = 0; index < 3 * PER_ADDRESS; index += 1) {
        const { user_code: right } = await askForDevice(television);
        expect((await type(browser, page, right, address)).status).to.equal(200);
      }
    });

    it('is limited over all addresses, which stops nobody who is signed in', async () => {
      const person = { login: 'ada@example.com', password: 'correct horse battery' };
      await latchkey.createPerson(person.login, person.password);
      const signedIn = new FormBrowser(latchkey.issuer);
      expect((await letIn(signedIn, (await askForDevice(television)).user_code, person)).pageName).to.equal(
        'device-ended',
      );
      const own = await signedIn.visit('/device');

      const { browser, page } = await open();
      const statuses: number[] = [];
      const left = TOTAL - judged;
      expect(left).to.be.above(PER_ADDRESS);
      for (let index = 0; index < left + 5; index += 1) {
        statuses.push((await type(browser, page, guess(), `192.0.2.${index}`)).status);
      }
      expect(statuses).to.deep.equal([...Array(left).fill(422), ...Array(5).fill(429)]);
      const { user_code: right } = await askForDevice(television);
      expectThrottled(await type(browser, page, right, '192.0.2.200'));

      const typed = await type(signedIn, own, right, '192.0.2.1');
      expect(typed.text).to.contain('data-page="device-confirm"');
      for (let index = 0; index < PER_ACCOUNT; index += 1) {
        // Their address makes no difference.
        expect((await type(signedIn, own, guess(), `198.51.100.${index}`)).status).to.equal(422);
      }
      expectThrottled(await type(signedIn, own, right, '198.51.100.77'));
    });
  });
}
