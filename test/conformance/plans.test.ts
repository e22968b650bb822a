import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import type { Configuration } from '../../config/configuration.ts';
import { loadConfiguration } from '../../config/load.ts';
import { validateClaims } from '../../lib/accounts/claims.ts';
import { CLAIMS_BY_SCOPE } from '../../lib/accounts/claims-by-scope.ts';
import { checkMetadata } from '../../lib/clients/metadata/client-metadata.ts';
import { browserConfiguration } from '../../scripts/conformance/browser-commands.ts';
import { type ServerVariant, settingsOf } from '../../scripts/conformance/latchkey.ts';
import { makePerson } from '../../scripts/conformance/person.ts';
import { PLANS } from '../../scripts/conformance/plans.ts';
import { testCertificate } from '../config/test-certificate.ts';

const BASE = 'https://suite.example/test/a/a-plan';

describe('plans of the conformance suite', () => {
  let folder: string;
  const configurations = new Map<ServerVariant, Configuration>();

  before(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'latchkey-conformance-test-'));
    const certificate = path.join(folder, 'certificate.pem');
    const key = path.join(folder, 'key.pem');
    writeFileSync(certificate, testCertificate.certificate);
    writeFileSync(key, testCertificate.key);
    for (const variant of new Set(PLANS.map(({ server }) => server))) {
      const environment = {
        ...settingsOf(variant),
        LATCHKEY_ISSUER: 'https://localhost:4000',
        LATCHKEY_DATA_DIR: folder,
        LATCHKEY_TLS_CERT_FILE: certificate,
        LATCHKEY_TLS_KEY_FILE: key,
      };
      // Throws for a setting that there is not, and for values that do not go together.
      configurations.set(variant, loadConfiguration({ environment }));
    }
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  it('have names of their own, which are part of addresses', () => {
    const ids = PLANS.map(({ id }) => id);
    expect(new Set(ids).size).to.equal(ids.length);
    for (const id of ids) expect(id).to.match(/^[a-z0-9_-]+$/);
  });

  it('have clients that Latchkey registers in the variant that the plan needs', async function () {
    this.timeout(120_000);
    for (const { id, server, configure } of PLANS) {
      const registered: { redirect_uris: string[] }[] = [];
      const members = await configure({
        issuer: 'https://localhost:4000',
        base: BASE,
        api: 'https://localhost:4001/notes',
        addAnsweringPerson: async (login) => ({ login, approvalUrl: 'http://127.0.0.1:9/' }),
        folder,
        register: async (metadata) => {
          const checked = checkMetadata(metadata, configurations.get(server) as Configuration);
          expect(checked, `${id}: ${JSON.stringify(checked)}`).to.have.property('outcome', 'valid');
          registered.push(metadata as { redirect_uris: string[] });
          return { client_id: `client-${registered.length}`, client_secret: 'a secret' };
        },
      });
      const redirects = registered.flatMap(({ redirect_uris }) => redirect_uris);
      for (const uri of redirects) expect(uri, id).to.match(/^https:\/\/suite\.example\/test\/a\/a-plan\//);
      const named = Object.values(members).filter(
        (member) => typeof member === 'object' && member !== null && 'client_id' in member,
      );
      expect(named.length, id).to.equal(registered.length);
    }
  });

  it('have a person with every standard claim, and a password of this run', () => {
    const { claims, password } = makePerson();
    expect(validateClaims(claims)).to.have.property('outcome', 'valid');
    const standard = Object.values(CLAIMS_BY_SCOPE).flat();
    // Two are the record's own, and one is no claim of OpenID Connect.
    const others = ['sub', 'updated_at', 'groups'];
    expect(Object.keys(claims)).to.have.members(standard.filter((claim) => !others.includes(claim)));
    expect(makePerson().password).to.not.equal(password);
  });

  it('have a browser that comes back with an answer from each of our addresses', () => {
    const { browser, override } = browserConfiguration('https://localhost:4000', {
      login: 'ada@example.com',
      password: 'a password',
    });
    const starts = browser.map(({ match }) => match);
    expect(starts).to.include.members([
      'https://localhost:4000/auth*',
      'https://localhost:4000/session/end*',
    ]);
    for (const [module, { browser: visits }] of Object.entries(override)) {
      const commands = visits.flatMap(({ tasks }) => tasks.flatMap((task) => task.commands ?? []));
      const pictures = commands.some((command) =>
        String(command.at(-1)).startsWith('update-image-placeholder'),
      );
      const cancels = commands.some((command) => command[0] === 'click' && command[2] === 'cancel');
      const looks = visits.some((visit) => visit['match-limit'] === 1);
      expect(pictures || cancels || looks, module).to.equal(true);
    }
  });
});
