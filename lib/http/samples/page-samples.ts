import type { AccountView, PageName, ViewModels } from '../pages/view-models.ts';
import { ACCOUNT_SAMPLES } from './account-samples.ts';
import { CLIENT_SAMPLE } from './frame-samples.ts';
import { MAIL_LINK_SAMPLES } from './mail-link-samples.ts';
import { PASSKEY_LOGIN_SAMPLES, PASSKEY_SAMPLES } from './passkey-samples.ts';
import { SECOND_STEP_SAMPLES } from './second-step-samples.ts';
import { TWO_STEP_SAMPLES } from './two-step-samples.ts';
import { UPSTREAM_LOGIN_SAMPLES, UPSTREAM_SAMPLES } from './upstream-samples.ts';

const client = CLIENT_SAMPLE;
const account: AccountView = { login: 'ada@example.com', name: 'Ada Lovelace' };
const csrfToken = 'sample';
const passkey = { action: '/passkey', optionsUrl: '/passkey-options', rpId: 'id.example' };

/**
 * Each page with models that between them take every branch of its template: the start-up check of an operator's
 * templates, the tests and the page gallery all go through them.
 */
export const PAGE_SAMPLES: { readonly [Page in PageName]: Readonly<Record<string, ViewModels[Page]>> } = {
  home: {
    plain: {
      issuer: 'https://id.example',
      discoveryUrl: 'https://id.example/.well-known/openid-configuration',
    },
    'signed-in': {
      issuer: 'https://id.example',
      discoveryUrl: 'https://id.example/.well-known/openid-configuration',
      account,
      accountUrl: '/account',
      logoutUrl: '/session/end',
    },
  },
  login: {
    plain: { action: '/login', cancelAction: '/cancel', csrfToken, client, passkey },
    ...PASSKEY_LOGIN_SAMPLES,
    refused: {
      action: '/login',
      cancelAction: '/cancel',
      csrfToken,
      client,
      login: account.login,
      problem: { kind: 'refused' },
    },
    'password-expired': {
      action: '/login',
      csrfToken,
      client,
      login: account.login,
      problem: { kind: 'password-expired' },
    },
    throttled: {
      action: '/login',
      cancelAction: '/cancel',
      csrfToken,
      client,
      login: account.login,
      problem: { kind: 'throttled', retryAfter: 840 },
    },
    unavailable: {
      action: '/login',
      csrfToken,
      client,
      login: account.login,
      problem: { kind: 'unavailable' },
    },
    'form-rejected': { action: '/login', csrfToken, problem: { kind: 'form-rejected' } },
    reauthentication: {
      action: '/login',
      cancelAction: '/cancel',
      csrfToken,
      login: account.login,
      reauthentication: true,
    },
    ways: {
      action: '/login',
      csrfToken,
      client,
      resetUrl: '/reset',
      registerUrl: '/register',
      passwordChanged: true,
    },
    device: { action: '/login', cancelAction: '/cancel', csrfToken, client, forDevice: true },
    ...UPSTREAM_LOGIN_SAMPLES,
  },
  consent: {
    full: {
      approveAction: '/approve',
      denyAction: '/deny',
      switchAction: '/switch',
      csrfToken,
      client,
      account,
      redirectUri: 'https://notes.example/callback',
      identityScopes: ['openid', 'profile', 'email', 'loyalty'],
      identityClaims: ['birthdate', 'https://example.com/claims/team'],
      apis: [
        {
          name: 'Orders',
          scopes: [{ name: 'orders:read', description: 'See your orders' }, { name: 'orders:write' }],
        },
      ],
      details: [
        { api: 'Payments', texts: [{ en: 'Pay 12.30 EUR to Merchant', de: '12.30 EUR an Merchant zahlen' }] },
      ],
      offlineAccess: true,
    },
    document: {
      approveAction: '/approve',
      denyAction: '/deny',
      csrfToken,
      client: { name: 'Desk Agent', unverified: { host: 'agent.example' } },
      account: { login: 'ada' },
      redirectUri: 'http://127.0.0.1:4711/callback',
      identityScopes: ['openid'],
      identityClaims: [],
      apis: [{ name: 'Orders', scopes: [{ name: 'orders:read', description: 'See your orders' }] }],
      offlineAccess: true,
    },
    small: {
      approveAction: '/approve',
      denyAction: '/deny',
      csrfToken,
      client: { name: 'Desk Timer' },
      account: { login: 'ada' },
      redirectUri: 'com.example.timer:/callback',
      identityScopes: ['openid'],
      identityClaims: [],
      apis: [],
      offlineAccess: false,
    },
    device: {
      approveAction: '/approve',
      denyAction: '/deny',
      csrfToken,
      client,
      account,
      redirectUri: '',
      forDevice: true,
      identityScopes: ['openid'],
      identityClaims: [],
      apis: [],
      offlineAccess: false,
    },
    nothing: {
      approveAction: '/approve',
      denyAction: '/deny',
      switchAction: '/switch',
      csrfToken,
      client,
      account,
      redirectUri: 'https://notes.example/callback',
      identityScopes: [],
      identityClaims: [],
      apis: [],
      offlineAccess: false,
    },
  },
  'select-account': {
    full: {
      continueAction: '/continue',
      switchAction: '/switch',
      cancelAction: '/cancel',
      csrfToken,
      account,
      client,
    },
    device: {
      continueAction: '/continue',
      switchAction: '/switch',
      cancelAction: '/cancel',
      csrfToken,
      account,
      client,
      forDevice: true,
    },
    plain: {
      continueAction: '/continue',
      switchAction: '/switch',
      cancelAction: '/cancel',
      csrfToken,
      account: { login: 'ada' },
    },
  },
  logout: {
    client: { action: '/session/end/confirm', xsrf: 'sample', client, account },
    plain: { action: '/session/end/confirm', xsrf: 'sample' },
    'form-rejected': {
      action: '/session/end/confirm',
      xsrf: 'sample',
      account,
      problem: { kind: 'form-rejected' },
    },
  },
  'logged-out': {
    client: { client },
    onward: { client, continueTo: 'https://notes.example/bye' },
    upstream: { upstream: { provider: 'Orchard Works', url: '/upstream/works/sign-out' } },
    stayed: { client, stayed: { account, accountUrl: '/account' } },
    plain: {},
  },
  error: {
    request: {
      status: 400,
      error: 'invalid_redirect_uri',
      description: "redirect_uri did not match any of the client's registered redirect_uris",
      reference: 'K7Q2-9XWM',
      client,
    },
    'not-found': { status: 404, error: 'not_found' },
    server: { status: 500, error: 'server_error', reference: 'K7Q2-9XWM' },
  },
  expired: {
    changed: {
      reason: 'changed',
      client,
      startUri: 'https://notes.example/login?iss=https%3A%2F%2Fid.example',
    },
    completed: { reason: 'completed', client: { name: 'Desk Timer' } },
    unknown: { reason: 'unknown' },
  },
  device: {
    plain: { action: '/device', xsrf: 'sample' },
    offered: { action: '/device', xsrf: 'sample', userCode: 'WDJB-MJHT' },
    unknown: { action: '/device', xsrf: 'sample', userCode: 'WDJB-MJH', problem: { kind: 'unknown' } },
    expired: { action: '/device', xsrf: 'sample', userCode: 'WDJB-MJHT', problem: { kind: 'expired' } },
    used: { action: '/device', xsrf: 'sample', userCode: 'WDJB-MJHT', problem: { kind: 'used' } },
    throttled: { action: '/device', xsrf: 'sample', problem: { kind: 'throttled', retryAfter: 840 } },
    'form-rejected': { action: '/device', xsrf: 'sample', problem: { kind: 'form-rejected' } },
  },
  'device-confirm': {
    full: {
      action: '/device',
      xsrf: 'sample',
      userCode: 'WDJB-MJHT',
      client,
      account,
      address: '203.0.113.7',
      isOwnAddress: false,
      deviceName: 'OrchardTV/3.1 (Living Room)',
      age: 95,
      identityScopes: ['openid', 'profile'],
      identityClaims: ['birthdate'],
      apis: [{ name: 'Orders', scopes: [{ name: 'orders:read', description: 'See your orders' }] }],
      offlineAccess: true,
    },
    small: {
      action: '/device',
      xsrf: 'sample',
      userCode: 'WDJB-MJHT',
      client: { name: 'Desk Timer' },
      address: '2001:db8::7',
      isOwnAddress: true,
      age: 0,
      identityScopes: [],
      identityClaims: [],
      apis: [],
      offlineAccess: false,
    },
  },
  'device-ended': {
    approved: { reason: 'approved', client },
    refused: { reason: 'refused' },
    answered: { reason: 'answered' },
  },
  continue: {
    plain: {
      action: '/auth?resent',
      fields: [
        ['client_id', 'notes'],
        ['request', 'eyJhbGciOiJFUzI1NiJ9.e30.c2lnbmF0dXJl'],
      ],
    },
  },
  ...MAIL_LINK_SAMPLES,
  'account-passkeys': PASSKEY_SAMPLES,
  ...UPSTREAM_SAMPLES,
  ...TWO_STEP_SAMPLES,
  ...ACCOUNT_SAMPLES,
  ...SECOND_STEP_SAMPLES,
};
