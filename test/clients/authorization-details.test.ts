import { expect } from 'chai';
import {
  type AuthorizationDetail,
  describeDetail,
  detailDefinitions,
  detailProblem,
  isWithin,
} from '../../lib/clients/authorization-details.ts';

const API = 'https://bank.example.com';
const PAYMENT = {
  actions: ['initiate', 'cancel'],
  identifier: true,
  fields: {
    instructedAmount: {
      type: 'object',
      required: true,
      fields: {
        currency: { type: 'string', values: ['EUR', 'SEK'], required: true },
        amount: { type: 'string', required: true },
      },
    },
    creditorName: { type: 'string', required: true },
    urgent: { type: 'boolean' },
    parts: { type: 'integer' },
  },
  description: {
    en: 'Pay {instructedAmount.amount} {instructedAmount.currency} to {creditorName} ({actions}, {identifier})',
    de: '{instructedAmount.amount} an {creditorName} zahlen',
  },
};
const detail = {
  type: 'payment',
  actions: ['initiate'],
  locations: [API],
  instructedAmount: { currency: 'EUR', amount: '12.30' },
  creditorName: 'Merchant',
};

describe('types of authorization details (RFC 9396)', () => {
  const { payment } = detailDefinitions.parse({ payment: PAYMENT });
  if (payment === undefined) throw new Error('no definition');

  for (const [what, definition, words] of [
    [
      'a field that is not one',
      { ...PAYMENT, description: { en: 'Pay {amount}' } },
      '{amount} is not a field',
    ],
    [
      'a list that it does not have',
      { ...PAYMENT, description: { en: '{privileges}' } },
      '{privileges} is not',
    ],
    ['a whole object in words', { ...PAYMENT, description: { en: '{instructedAmount}' } }, 'is not a field'],
    ['no words', { ...PAYMENT, description: {} }, 'one language at least'],
    ['words that turn around', { ...PAYMENT, description: { en: 'Pay \u202e' } }, 'direction characters'],
    [
      'a member with a meaning of its own',
      { ...PAYMENT, fields: { locations: { type: 'string' } } },
      'meaning of its own',
    ],
    ['an unknown kind of field', { ...PAYMENT, fields: { a: { type: 'date' } } }, 'Invalid option'],
    ['a misspelt member', { ...PAYMENT, action: ['a'] }, 'Unrecognized key'],
  ] as [string, object, string][]) {
    it(`may not be defined with ${what}`, () => {
      const parsed = detailDefinitions.safeParse({ payment: definition });
      expect(parsed.error?.issues.map(({ message }) => message).join('\n')).to.include(words);
    });
  }

  it('take what they define', () => {
    expect(detailProblem(payment, detail, API)).to.equal(undefined);
    expect(
      detailProblem(payment, { ...detail, identifier: 'account 1', urgent: true, parts: 2 }, API),
    ).to.equal(undefined);
  });

  for (const [what, changed, words] of [
    ['another action', { actions: ['initiate', 'steal'] }, 'actions must be of initiate, cancel'],
    ['a list that is not defined', { privileges: ['admin'] }, 'privileges must be of none'],
    ['another place', { locations: [API, 'https://other.example'] }, 'locations may name'],
    ['an unknown member', { amount: 1 }, 'amount is not a member'],
    [
      'an unknown member within',
      { instructedAmount: { currency: 'EUR', amount: '1', x: 1 } },
      'instructedAmount.x is not',
    ],
    ['a missing member', { creditorName: undefined }, 'creditorName is missing'],
    [
      'a missing member within',
      { instructedAmount: { currency: 'EUR' } },
      'instructedAmount.amount is missing',
    ],
    [
      'another value',
      { instructedAmount: { currency: 'USD', amount: '1' } },
      'currency must be one of EUR, SEK',
    ],
    ['text in place of an object', { instructedAmount: '1' }, 'instructedAmount must be an object'],
    ['a list in place of an object', { instructedAmount: [] }, 'instructedAmount must be an object'],
    ['text that turns around', { creditorName: 'evil\u202egnp' }, 'creditorName must be a line of text'],
    ['text of two lines', { creditorName: 'a\nb' }, 'creditorName must be a line of text'],
    ['a number in place of text', { creditorName: 1 }, 'creditorName must be a line of text'],
    ['a fraction', { parts: 1.5 }, 'parts must be an integer'],
    ['text in place of a boolean', { urgent: 'yes' }, 'urgent must be a boolean'],
    ['a name of every object', { toString: 'a' }, 'toString is not a member'],
  ] as [string, object, string][]) {
    it(`refuse ${what}`, () => {
      expect(detailProblem(payment, { ...detail, ...changed }, API)).to.include(words);
    });
  }

  it('refuse an identifier where they have none', () => {
    expect(detailProblem({ ...payment, identifier: false }, { ...detail, identifier: 'a' }, API)).to.include(
      'identifier',
    );
  });

  it('say in words what is asked for, with what is not there as a dash', () => {
    expect(describeDetail(payment, detail)).to.deep.equal({
      en: 'Pay 12.30 EUR to Merchant (initiate, –)',
      de: '12.30 an Merchant zahlen',
    });
    expect(describeDetail(payment, { ...detail, creditorName: '{identifier}' }).de).to.equal(
      '12.30 an {identifier} zahlen',
    );
  });

  it('are narrowed by their lists alone', () => {
    const granted: AuthorizationDetail = { ...detail, actions: ['initiate', 'cancel'] };
    expect(isWithin(detail, granted)).to.equal(true);
    expect(isWithin(granted, granted)).to.equal(true);
    expect(isWithin(granted, detail)).to.equal(false);
    const { actions: _actions, ...withoutActions } = detail;
    expect(isWithin(withoutActions as AuthorizationDetail, granted), 'without a list').to.equal(false);
    expect(isWithin({ ...detail, actions: [] }, granted), 'an empty list').to.equal(false);
    expect(isWithin({ ...detail, instructedAmount: { currency: 'EUR', amount: '1' } }, granted)).to.equal(
      false,
    );
    expect(isWithin({ ...detail, type: 'other' }, granted)).to.equal(false);
    expect(isWithin({ ...detail, urgent: true }, granted)).to.equal(false);
  });
});
