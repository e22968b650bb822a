/** The plans that are run: what the suite calls them, in which variant, against which Latchkey, with which clients. */
import { type FapiClients, registerBackchannelClients, registerFapiClients } from './fapi-clients.ts';
import { API_SCOPE } from './guarded-api.ts';
import type { Latchkey, ServerVariant } from './latchkey.ts';
import { type OpenidClients, registerCertifiedClients, registerOpenidClients } from './openid-clients.ts';
import type { Register } from './registration.ts';

/** Where a plan's clients are registered. */
export interface PlanSetting {
  register: Register;
  issuer: string;
  /** Under which address the suite has this plan's endpoints. */
  base: string;
  folder: string;
  /** An API that tokens may be for. */
  api: string;
  /** Makes a person who answers when they are asked by backchannel. */
  addAnsweringPerson: Latchkey['addAnsweringPerson'];
}

export interface Plan {
  /** What it is called here. */
  id: string;
  /** The suite's name. */
  name: string;
  variant: Record<string, string>;
  server: ServerVariant;
  /** Registers what the plan needs, and answers the members of its configuration that tell of it. */
  configure(setting: PlanSetting): Promise<Record<string, unknown>>;
}

const HYBRID = ['code id_token', 'code token', 'code id_token token'];
const IMPLICIT = ['id_token', 'id_token token'];

function openid(id: string, name: string, variant: Record<string, string>, clients: OpenidClients): Plan {
  return {
    id,
    name,
    variant,
    server: 'openid',
    configure: ({ register, base }) => registerOpenidClients(register, base, clients),
  };
}

/** Clients register themselves. */
function dynamic(id: string, name: string, variant: Record<string, string>): Plan {
  return {
    id,
    name,
    variant,
    server: 'openid',
    configure: async () => ({
      client: { client_name: 'First client' },
      client2: { client_name: 'Second client' },
    }),
  };
}

const STATIC = { server_metadata: 'discovery', client_registration: 'static_client' };

function core(): Plan[] {
  return [
    dynamic('config', 'oidcc-config-certification-test-plan', {}),
    openid('basic', 'oidcc-basic-certification-test-plan', STATIC, { responseTypes: ['code'] }),
    openid('hybrid', 'oidcc-hybrid-certification-test-plan', STATIC, { responseTypes: HYBRID }),
    openid('implicit', 'oidcc-implicit-certification-test-plan', STATIC, { responseTypes: IMPLICIT }),
    openid('form-post-basic', 'oidcc-formpost-basic-certification-test-plan', STATIC, {
      responseTypes: ['code'],
      responseModes: ['query', 'form_post'],
    }),
    openid('form-post-hybrid', 'oidcc-formpost-hybrid-certification-test-plan', STATIC, {
      responseTypes: HYBRID,
    }),
    openid('form-post-implicit', 'oidcc-formpost-implicit-certification-test-plan', STATIC, {
      responseTypes: IMPLICIT,
    }),
  ];
}

function registration(): Plan[] {
  const types = ['code', ...HYBRID, ...IMPLICIT];
  const methods = [
    'none',
    'client_secret_basic',
    'client_secret_post',
    'client_secret_jwt',
    'private_key_jwt',
  ];
  return [
    ...types.map((type) =>
      dynamic(`dynamic-${type.replaceAll(' ', '-')}`, 'oidcc-dynamic-certification-test-plan', {
        response_type: type,
      }),
    ),
    dynamic('third-party-login', 'oidcc-3rdparty-init-login-certification-test-plan', {
      response_type: 'code',
    }),
    ...methods.map((method) =>
      dynamic(`whole-${method}`, 'oidcc-test-plan', {
        client_auth_type: method,
        response_type: 'code',
        response_mode: 'default',
        client_registration: 'dynamic_client',
      }),
    ),
    // The suite registers no client with a certificate.
    {
      id: 'whole-mtls',
      name: 'oidcc-test-plan',
      variant: {
        client_auth_type: 'mtls',
        response_type: 'code',
        response_mode: 'default',
        client_registration: 'static_client',
      },
      server: 'openid',
      configure: ({ register, base, folder }) => registerCertifiedClients(register, base, folder),
    },
  ];
}

function logout(): Plan[] {
  const variant = { response_type: 'code', client_registration: 'static_client' };
  const plan = (id: string, name: string, channel: Record<string, string> = {}) =>
    openid(id, name, variant, {
      responseTypes: ['code'],
      members: (base) => ({
        post_logout_redirect_uris: [`${base}/post_logout_redirect`],
        ...Object.fromEntries(Object.entries(channel).map(([member, path]) => [member, `${base}/${path}`])),
        ...Object.fromEntries(
          Object.keys(channel).map((member) => [member.replace(/uri$/, 'session_required'), true]),
        ),
      }),
    });
  return [
    plan('logout', 'oidcc-rp-initiated-logout-certification-test-plan'),
    plan('logout-back-channel', 'oidcc-backchannel-rp-initiated-logout-certification-test-plan', {
      backchannel_logout_uri: 'backchannel_logout',
    }),
    plan('logout-front-channel', 'oidcc-frontchannel-rp-initiated-logout-certification-test-plan', {
      frontchannel_logout_uri: 'frontchannel_logout',
    }),
    plan('session-management', 'oidcc-session-management-certification-test-plan'),
  ];
}

function fapi(id: string, name: string, variant: Record<string, string>, clients: FapiClients): Plan {
  return {
    id,
    name,
    variant,
    server: 'fapi',
    configure: async ({ register, base, folder, issuer }) => ({
      ...(await registerFapiClients(register, base, folder, clients)),
      resource: { resourceUrl: `${issuer}/me` },
    }),
  };
}

/** The same for clients that sign nobody in, and want an API's tokens without naming it. */
function withoutOpenid(plan: Plan): Plan {
  return {
    ...plan,
    configure: async ({ register, api, issuer, ...setting }) => {
      const members = await plan.configure({
        ...{ ...setting, api, issuer },
        register: (metadata) => register({ ...metadata, scope: API_SCOPE, default_resource: api }),
      });
      const [client, client2] = [members.client, members.client2].map((given) => ({
        ...(given as object),
        scope: API_SCOPE,
      }));
      return {
        ...{ ...members, client, client2 },
        server: { discoveryUrl: `${issuer}/.well-known/oauth-authorization-server` },
        resource: { resourceUrl: api },
      };
    },
  };
}

function fapi2(): Plan[] {
  const ways = (['private_key_jwt', 'mtls'] as const).flatMap((authentication) =>
    (['dpop', 'mtls'] as const).flatMap((constraint) =>
      (['openid_connect', 'plain_oauth'] as const).map((use) => ({ authentication, constraint, use })),
    ),
  );
  return ways.flatMap(({ authentication, constraint, use }) => {
    const way = `${use === 'plain_oauth' ? 'oauth-' : ''}${authentication.replaceAll('_', '-')}-${constraint}`;
    const variant = {
      client_auth_type: authentication,
      sender_constrain: constraint,
      openid: use,
      fapi_profile: 'plain_fapi',
    };
    const plans = [
      fapi(`fapi2-${way}`, 'fapi2-security-profile-final-test-plan', variant, {
        profile: 'fapi2-security',
        authentication,
        constraint,
      }),
      fapi(
        `fapi2-signing-${way}`,
        'fapi2-message-signing-final-test-plan',
        { ...variant, fapi_request_method: 'signed_non_repudiation', fapi_response_mode: 'jarm' },
        { profile: 'fapi2-message-signing', authentication, constraint },
      ),
    ];
    return use === 'plain_oauth' ? plans.map(withoutOpenid) : plans;
  });
}

function fapi1(): Plan[] {
  const ways = (['private_key_jwt', 'mtls'] as const).flatMap((authentication) =>
    (['by_value', 'pushed'] as const).flatMap((request) =>
      (['plain_response', 'jarm'] as const).map((response) => ({ authentication, request, response })),
    ),
  );
  return ways.map(({ authentication, request, response }) =>
    fapi(
      `fapi1-${[authentication, request, response].join('-').replaceAll('_', '-')}`,
      'fapi1-advanced-final-test-plan',
      {
        client_auth_type: authentication,
        fapi_auth_request_method: request,
        fapi_profile: 'plain_fapi',
        fapi_response_mode: response,
      },
      {
        profile: 'fapi1-advanced',
        authentication,
        constraint: 'mtls',
        members: {
          require_pushed_authorization_requests: request === 'pushed',
          // FAPI 1.0 Advanced section 5.2.2 item 2: a detached signature, or a signed answer.
          ...(response === 'jarm'
            ? { response_modes: ['jwt'] }
            : {
                response_types: ['code id_token'],
                grant_types: ['authorization_code', 'refresh_token', 'implicit'],
              }),
        },
      },
    ),
  );
}

function fapiCiba(): Plan[] {
  return (['private_key_jwt', 'mtls'] as const).flatMap((authentication) =>
    (['poll', 'ping'] as const).map((mode): Plan => {
      const id = `fapi-ciba-${mode}-${authentication.replaceAll('_', '-')}`;
      return {
        id,
        name: 'fapi-ciba-id1-test-plan',
        variant: {
          client_auth_type: authentication,
          fapi_ciba_profile: 'plain_fapi',
          ciba_mode: mode,
          client_registration: 'static_client',
        },
        server: 'fapi',
        configure: async ({ register, base, folder, issuer, addAnsweringPerson }) => {
          const { login, approvalUrl } = await addAnsweringPerson(`${id}@example.com`);
          const clients = { profile: 'fapi-ciba', authentication, constraint: 'mtls' } as const;
          return {
            ...(await registerBackchannelClients(register, base, folder, { ...clients, mode, login })),
            resource: { resourceUrl: `${issuer}/me` },
            automated_ciba_approval_url: approvalUrl,
          };
        },
      };
    }),
  );
}

/** Every plan, by its name here. */
export const PLANS: readonly Plan[] = [
  ...[...core(), ...registration(), ...logout()],
  ...[...fapi2(), ...fapi1(), ...fapiCiba()],
];
