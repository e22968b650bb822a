import { createHash, randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { Client } from 'ldapts';
import type { Account } from '../../lib/accounts/account-adapter.ts';
import { type CertificateFiles, writeCertificates } from '../redis/test-certificates.ts';
import { describeAccountAdapter } from './account-adapter-contract.ts';
import { LdapPeople, type LdapSettings, PASSWORD } from './ldap-people.ts';
import { ROOT, SlapdServer } from './slapd-server.ts';

describe('people in an LDAP directory', function () {
  this.timeout(120_000);
  let certificates: CertificateFiles;
  let server: SlapdServer;
  let people: LdapPeople;

  before(async () => {
    certificates = writeCertificates();
    server = await SlapdServer.start(
      certificates,
      `dn: cn=expired,${ROOT}\nobjectClass: inetOrgPerson\nuid: expired\nsn: Person\nuserPassword: ${PASSWORD}\n` +
        `pwdChangedTime: 20200101000000Z\npwdPolicySubentry: cn=strict,${ROOT}\n`,
    );
  });
  after(async () => {
    await server?.remove();
    certificates?.remove();
  });
  beforeEach(async () => {
    people = await LdapPeople.in(server);
  });
  afterEach(() => people.close());

  describeAccountAdapter('LDAP', async () => {
    const adapter = people.adapter({
      emailVerified: true,
      claims: ['name=displayName', 'email=mail', 'phone_number=telephoneNumber', 'address.country=c'],
      groups: { from: 'member_of' },
    });
    return {
      adapter,
      async add({ login, password, claims = {} }) {
        const { dn, sub } = await people.add(
          login,
          {
            displayName: String(claims.name),
            mail: String(claims.email),
            telephoneNumber: String(claims.phone_number),
            c: (claims.address as { country: string }).country,
          },
          password,
        );
        for (const group of claims.groups as string[]) await people.addGroup(group, [dn]);
        return sub;
      },
      disable: async (sub) => people.replace(await people.entryOf(sub), 'userAccountControl', ['514']),
      remove: async (sub) => people.remove(await people.entryOf(sub)),
      close: () => adapter.close(),
    };
  });

  describe('who a login means', () => {
    const injections = [
      '*',
      'a*',
      'ann)(uid=*',
      'ann)(|(uid=*',
      '*)(objectClass=*',
      'ann)(&)',
      'ann\\2a',
      '\\61nn',
      'ann)(userPassword=*',
      '(|(uid=ann))',
      'nobody)(|(cn=*)',
    ];
    for (const login of injections) {
      it(`takes ${login} for a name and nothing else`, async () => {
        await people.add('ann');
        const adapter = people.adapter();
        expect(await adapter.findByLogin(login)).to.equal(undefined);
        expect(await adapter.verifyPassword(login, PASSWORD)).to.deep.equal({
          outcome: 'refused',
          reason: 'unknown',
        });
        const { sub } = await people.add(login);
        expect((await adapter.findByLogin(login))?.sub, 'and finds whoever is called so').to.equal(sub);
        expect(await adapter.findBySub(login)).to.equal(undefined);
      });
    }

    it('is one person for every spelling that the directory takes for alike, and the others are nobody', async () => {
      // OpenLDAP leaves a soft hyphen out before it compares (RFC 4518 section 2.2).
      await people.add('an\u00adn');
      const adapter = people.adapter();
      expect(await adapter.findByLogin('ann')).to.equal(undefined);
      expect(await adapter.verifyPassword('ann', PASSWORD)).to.include({ reason: 'unknown' });
    });

    it('may be any of several attributes, of which the first is what the person is called', async () => {
      const { sub } = await people.add('ann', { mail: 'Ann.Arbor@example.com' });
      const adapter = people.adapter({ loginAttributes: ['uid', 'mail'] });
      for (const login of ['ann', 'ann.arbor@EXAMPLE.com']) {
        expect(await adapter.findByLogin(login)).to.include({ sub, login: 'ann' });
        expect(await adapter.verifyPassword(login, PASSWORD)).to.have.property('outcome', 'verified');
      }
    });

    it('cannot be two people', async () => {
      await people.add('ann');
      await people.add('bob', { mail: 'ann' });
      const adapter = people.adapter({ loginAttributes: ['uid', 'mail'] });
      expect(await adapter.verifyPassword('ann', PASSWORD)).to.have.property('outcome', 'unavailable');
      expect(await adapter.findByLogin('bob')).to.have.property('login', 'bob');
    });

    it('is nobody outside the base and the filter', async () => {
      const { sub } = await people.add('ann', { employeeType: 'guest' });
      for (const settings of [
        { userFilter: '(&(objectClass=person)(!(employeeType=guest)))' },
        { baseDn: `cn=latchkey,${ROOT}` },
      ]) {
        const adapter = people.adapter(settings);
        expect(await adapter.findByLogin('ann')).to.equal(undefined);
        expect(await adapter.findBySub(sub)).to.equal(undefined);
        expect(await adapter.verifyPassword('ann', PASSWORD)).to.include({ reason: 'unknown' });
      }
    });
  });

  describe('a password', () => {
    it('that is empty is wrong, though the directory would let anybody in with it', async () => {
      const { dn } = await people.add('ann');
      const client = new Client({ url: server.url });
      await client.bind(dn, '');
      await client.unbind();
      for (const password of ['', '\0', `\0${PASSWORD}`, `${PASSWORD}\0more`, '\ud800']) {
        expect(await people.adapter().verifyPassword('ann', password)).to.deep.equal({
          outcome: 'refused',
          reason: 'wrong_password',
        });
      }
    });

    it('is judged for people without one as well', async () => {
      const { dn } = await people.add('ann');
      await people.replace(dn, 'userPassword', []);
      expect(await people.adapter().verifyPassword('ann', PASSWORD)).to.include({ reason: 'wrong_password' });
    });

    it('that has expired or must be changed lets nobody in', async () => {
      const expired = people.adapter({ baseDn: ROOT });
      expect(await expired.verifyPassword('expired', PASSWORD)).to.include({ reason: 'password_expired' });
      expect(await expired.verifyPassword('expired', 'a guess')).to.include({ reason: 'wrong_password' });
      const { dn } = await people.add('ann');
      await people.replace(dn, 'pwdPolicySubentry', [`cn=strict,${ROOT}`]);
      await people.replace(dn, 'pwdReset', ['TRUE']);
      expect(await people.adapter().verifyPassword('ann', PASSWORD)).to.include({
        reason: 'password_expired',
      });
    });

    it('lets nobody in whom the directory has locked for too many failures', async () => {
      const { dn, sub } = await people.add('ann');
      await people.replace(dn, 'pwdPolicySubentry', [`cn=strict,${ROOT}`]);
      const adapter = people.adapter();
      for (const _ of [1, 2]) {
        expect(await adapter.verifyPassword('ann', 'a guess')).to.include({ reason: 'wrong_password' });
      }
      expect(await adapter.verifyPassword('ann', PASSWORD)).to.include({ reason: 'locked' });
      expect(await adapter.findBySub(sub), 'a lock of minutes ends no session').to.include({
        disabled: false,
      });
    });

    it('is judged for many at once on no more connections than are allowed', async () => {
      for (const uid of ['ann', 'bob', 'eve']) await people.add(uid, {}, `${PASSWORD} of ${uid}`);
      const adapter = people.adapter({ connections: 2 });
      const verdicts = await Promise.all(
        Array.from({ length: 60 }, (_, index) => {
          const uid = ['ann', 'bob', 'eve'][index % 3] as string;
          const of = index % 2 === 0 ? uid : 'somebody else';
          return adapter.verifyPassword(uid, `${PASSWORD} of ${of}`);
        }),
      );
      expect(verdicts.map(({ outcome }) => outcome)).to.deep.equal(
        Array.from({ length: 60 }, (_, index) => (index % 2 === 0 ? 'verified' : 'refused')),
      );
      for (const [index, verdict] of verdicts.entries()) {
        const uid = ['ann', 'bob', 'eve'][index % 3];
        if (verdict.outcome === 'verified') expect(verdict.account.login).to.equal(uid);
      }
    });
  });

  describe('who is disabled', () => {
    const fileTime = (time: number): string => String((BigInt(time) + 11_644_473_600_000n) * 10_000n);
    const disabling: [string, string, string[]][] = [
      ['Active Directory has disabled', 'userAccountControl', ['66050']],
      ['has expired in Active Directory', 'accountExpires', [fileTime(Date.now() - 60_000)]],
      ['389 Directory Server has inactivated', 'nsAccountLock', ['true']],
      ['an operator’s filter names', 'employeeType', ['left']],
    ];
    for (const [who, attribute, values] of disabling) {
      it(`is whoever ${who}`, async () => {
        const { dn, sub } = await people.add('ann');
        const adapter = people.adapter({ disabledFilter: '(employeeType=left)' });
        expect(await adapter.findBySub(sub)).to.include({ disabled: false });
        await people.replace(dn, attribute, values);
        expect(await adapter.findBySub(sub)).to.include({ disabled: true });
        expect(await adapter.verifyPassword('ann', PASSWORD)).to.include({ reason: 'disabled' });
        expect(await adapter.verifyPassword('ann', 'a guess')).to.include({ reason: 'wrong_password' });
      });
    }

    it('is whoever an operator of OpenLDAP has locked for good', async () => {
      const { dn, sub } = await people.add('ann');
      await people.replace(dn, 'pwdAccountLockedTime', ['000001010000Z']);
      expect(await people.adapter().findBySub(sub)).to.include({ disabled: true });
      expect(await people.adapter().verifyPassword('ann', PASSWORD)).to.have.property('outcome', 'refused');
    });

    it('is nobody whose account expires never, or later', async () => {
      for (const [index, value] of ['0', '9223372036854775807', fileTime(Date.now() + 60_000)].entries()) {
        const { sub } = await people.add(`ann${index}`, { accountExpires: value, userAccountControl: '512' });
        expect(await people.adapter().findBySub(sub)).to.include({ disabled: false });
      }
    });
  });

  describe('the subject identifier', () => {
    it('may be a GUID of Active Directory, as its own tools write it', async () => {
      const guid = '0123abcd-4567-89ef-0011-223344556677';
      const bytes = Buffer.from('cdab23016745ef890011223344556677', 'hex');
      await people.add('ann', { objectGUID: bytes });
      // What is valid UTF-8 by chance, with a mark that decoders leave out.
      await people.add('bob', { objectGUID: Buffer.from('efbbbf41424344454647484950515253', 'hex') });
      const adapter = people.adapter({ subAttribute: 'objectGUID' });
      expect(await adapter.findByLogin('ann')).to.include({ sub: guid });
      expect(await adapter.findBySub(guid)).to.include({ login: 'ann' });
      const bob = (await adapter.findByLogin('bob')) as Account;
      expect(bob.sub).to.equal('41bfbbef-4342-4544-4647-484950515253');
      expect(await adapter.findBySub(bob.sub)).to.include({ login: 'bob' });
      for (const other of [guid.toUpperCase(), guid.replaceAll('-', ''), '*', '']) {
        expect(await adapter.findBySub(other), other).to.equal(undefined);
      }
    });

    it('stays when the person gets another name', async () => {
      const { dn, sub } = await people.add('ann');
      await people.replace(dn, 'uid', ['ann.married']);
      await server.administer((client) => client.modifyDN(dn, 'cn=elsewhere'));
      expect(await people.adapter().findBySub(sub)).to.include({ login: 'ann.married' });
    });

    it('is exactly what was asked for, also where the directory does not mind the case', async () => {
      await people.add('ann', { employeeNumber: 'E17' });
      const adapter = people.adapter({ subAttribute: 'employeeNumber' });
      expect(await adapter.findBySub('E17')).to.include({ login: 'ann' });
      expect(await adapter.findBySub('e17')).to.equal(undefined);
    });

    it('that is missing, ambiguous or unfit makes nobody', async () => {
      const adapter = people.adapter({ subAttribute: 'employeeNumber' });
      for (const [index, value] of [undefined, 'with space', 'ünicode'].entries()) {
        await people.add(`ann${index}`, value === undefined ? {} : { employeeNumber: value });
        const verdict = await adapter.verifyPassword(`ann${index}`, PASSWORD);
        expect(verdict).to.have.property('outcome', 'unavailable');
      }
    });
  });

  describe('claims', () => {
    const claimsOf = async (settings: LdapSettings) =>
      (await people.adapter(settings).findByLogin('ann'))?.claims ?? {};

    it('come from attributes in the order of the settings', async () => {
      await people.add('ann', {
        displayName: 'Ann Arbor',
        givenName: ['Ann', 'Annie'],
        sn: 'Arbor',
        mail: 'ann@example.com',
        telephoneNumber: '+49 30 901820',
        preferredLanguage: 'de',
        street: 'Hauptstraße 1',
        l: 'Berlin',
        employeeType: ['staff', 'night shift'],
        departmentNumber: ['17', '18'],
      });
      expect(await claimsOf({})).to.deep.include({
        name: 'Ann Arbor',
        given_name: 'Ann',
        family_name: 'Arbor',
        email: 'ann@example.com',
        phone_number: '+49 30 901820',
        locale: 'de',
      });
      expect(await claimsOf({})).to.not.have.property('email_verified');
      expect(await claimsOf({ emailVerified: true })).to.have.property('email_verified', true);
    });

    it('may be lists, parts of an address and truths', async () => {
      const { dn } = await people.add('ann', {
        street: 'Hauptstraße 1',
        l: 'Berlin',
        mail: 'ann@example.com',
        employeeType: ['staff', 'night shift'],
        departmentNumber: ['17'],
        description: 'TRUE',
      });
      const claims = await claimsOf({
        claims: [
          'address.street_address=street',
          'address.locality=l',
          'email=mail',
          'email_verified=description',
          'roles[]=employeeType',
          'departments[]=departmentNumber',
          'https://example.com/department=departmentNumber',
          'absent=employeeNumber',
        ],
      });
      const { updated_at: updatedAt, ...others } = claims;
      expect(others).to.deep.equal({
        address: { street_address: 'Hauptstraße 1', locality: 'Berlin' },
        email: 'ann@example.com',
        email_verified: true,
        roles: ['staff', 'night shift'],
        departments: ['17'],
        'https://example.com/department': '17',
      });
      expect(updatedAt).to.be.within(Date.now() / 1000 - 3600, Date.now() / 1000 + 60);
      expect(dn).to.contain(people.base);
    });

    it('that are unfit are left out, and said once', async () => {
      await people.add('ann', { mail: 'nobody', telephoneNumber: 'ask the desk', displayName: 'Ann' });
      const told: unknown[] = [];
      const log = { warn: (fields: unknown) => told.push(fields) };
      const adapter = people.adapter({ emailVerified: true }, log as never);
      for (const _ of [1, 2]) {
        const { claims } = (await adapter.findByLogin('ann')) as Account;
        expect(claims)
          .to.include({ name: 'Ann' })
          .and.not.have.any.keys('email', 'email_verified', 'phone_number');
      }
      expect(told).to.have.length(2);
    });
  });

  describe('groups', () => {
    it('come from memberOf, of groups below their base alone', async () => {
      const { dn } = await people.add('ann');
      const groups = await server.addBase();
      const other = await server.addBase();
      await people.addGroup('staff', [dn], groups);
      await people.addGroup('Night\\, Shift', [dn], groups);
      await people.addGroup('admins', [dn], other);
      await people.addGroup(`admins\\,${groups.split(',')[0]}`, [dn], ROOT);
      const of = async (baseDn?: string) => {
        const adapter = people.adapter({
          groups: { from: 'member_of', ...(baseDn === undefined ? {} : { baseDn }) },
        });
        return (await adapter.findByLogin('ann'))?.claims.groups;
      };
      expect(await of(groups)).to.deep.equal(['Night, Shift', 'staff']);
      expect(await of(groups.toUpperCase().replaceAll(',', ', '))).to.deep.equal(['Night, Shift', 'staff']);
    });

    it('come from a search, page by page, and groups of groups when asked for', async () => {
      const { dn } = await people.add('ann');
      const direct = await people.addGroup('direct', [dn]);
      const middle = await people.addGroup('middle', [direct]);
      const outer = await people.addGroup('outer', [middle]);
      // Round in a circle.
      await people.replace(direct, 'member', [dn, outer]);
      for (let index = 0; index < 7; index += 1) await people.addGroup(`further-${index}`, [dn]);
      const of = async (groups: object) =>
        (await people.adapter({ pageSize: 3, groups: { from: 'search', ...groups } }).findByLogin('ann'))
          ?.claims;
      const further = Array.from({ length: 7 }, (_, index) => `further-${index}`);
      const filter = '(objectClass=groupOfNames)';
      expect((await of({ filter }))?.groups).to.deep.equal(['direct', ...further]);
      expect((await of({ filter, nesting: 'walk' }))?.groups).to.deep.equal([
        'direct',
        ...further,
        'middle',
        'outer',
      ]);
      expect((await of({ filter: '(cn=further-1)' }))?.groups).to.deep.equal(['further-1']);
    });

    it('may name their members by login', async () => {
      await people.add('Ann');
      await server.administer((client) =>
        client.add(`cn=posix,${people.base}`, {
          objectClass: 'posixGroup',
          cn: 'posix',
          gidNumber: '7',
          memberUid: 'Ann',
        }),
      );
      const adapter = people.adapter({
        groups: { from: 'search', memberAttribute: 'memberUid', memberValue: 'login' },
      });
      expect((await adapter.findByLogin('ann'))?.claims.groups).to.deep.equal(['posix']);
    });

    it('are no claim when they are not asked for', async () => {
      const { dn } = await people.add('ann');
      await people.addGroup(`staff-${createHash('sha256').update(randomUUID()).digest('hex')}`, [dn]);
      expect((await people.adapter().findByLogin('ann'))?.claims).to.not.have.property('groups');
    });
  });
});
