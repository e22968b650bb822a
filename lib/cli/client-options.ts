import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import type { CommandContext } from './command-context.ts';
import { type CommandResult, refused } from './command-result.ts';
import { repeatable, wholeNumber } from './options.ts';
import { readInput } from './terminal.ts';

/** Flags of `clients create` and `clients update`, by the RFC 7591 member that each one sets. */
const MEMBER_BY_OPTION = {
  clientId: 'client_id',
  name: 'client_name',
  applicationType: 'application_type',
  redirectUri: 'redirect_uris',
  postLogoutRedirectUri: 'post_logout_redirect_uris',
  grantType: 'grant_types',
  responseType: 'response_types',
  responseMode: 'response_modes',
  scope: 'scope',
  tokenEndpointAuthMethod: 'token_endpoint_auth_method',
  jwksUri: 'jwks_uri',
  contact: 'contacts',
  clientUri: 'client_uri',
  logoUri: 'logo_uri',
  policyUri: 'policy_uri',
  tosUri: 'tos_uri',
  initiateLoginUri: 'initiate_login_uri',
  refreshTokenGrace: 'refresh_token_grace',
  resourceServer: 'resource_server',
  defaultResource: 'default_resource',
} as const;

export interface ClientOptions {
  json?: boolean;
  file?: string;
  public?: boolean;
  ignoreUnknown?: boolean;
  [option: string]: unknown;
}

/** Adds the flags that set metadata; `--file` may set any member. */
export function withMetadataOptions(command: Command): Command {
  return command
    .option('--file <path>', 'RFC 7591 metadata as a JSON file, - for standard input; flags win')
    .option('--ignore-unknown', 'drop members that are not known instead of refusing them')
    .option('--name <name>', 'name shown to people')
    .addOption(repeatable('--redirect-uri <uri>', 'where people are sent back to, compared exactly'))
    .addOption(repeatable('--post-logout-redirect-uri <uri>', 'where people are sent after logging out'))
    .option('--public', 'a browser or native application, which can keep no secret')
    .option('--application-type <type>', 'web or native')
    .addOption(
      repeatable(
        '--grant-type <type>',
        'authorization_code, refresh_token, client_credentials or urn:ietf:params:oauth:grant-type:device_code',
      ),
    )
    .addOption(repeatable('--response-type <type>', 'code'))
    .addOption(repeatable('--response-mode <mode>', 'query, fragment or form_post'))
    .option('--scope <scopes>', 'the scopes it may ask for, separated by spaces; any when not given')
    .option('--token-endpoint-auth-method <method>', 'how it authenticates')
    .option('--jwks-uri <uri>', 'where its public keys are')
    .addOption(repeatable('--contact <address>', 'e-mail address of somebody responsible'))
    .option('--client-uri <uri>', 'its home page')
    .option('--logo-uri <uri>', 'its logo')
    .option('--policy-uri <uri>', 'its privacy policy')
    .option('--tos-uri <uri>', 'its terms of service')
    .option('--initiate-login-uri <uri>', 'where a login can be started anew')
    .option('--refresh-token-grace <seconds>', 'how long a repeated refresh token is answered', wholeNumber)
    .option('--resource-server <identifier>', 'the API that it is, whose tokens it may introspect')
    .option('--default-resource <identifier>', 'the API that its tokens are for where it names none');
}

/** The metadata that file and flags give together. */
export async function readMetadata(
  context: CommandContext,
  options: ClientOptions,
): Promise<
  { outcome: 'read'; metadata: Record<string, unknown> } | Exclude<CommandResult, { outcome: 'done' }>
> {
  let metadata: unknown = {};
  if (options.file !== undefined) {
    const source = options.file === '-' ? 'standard input' : options.file;
    let text: string | undefined;
    try {
      text =
        options.file === '-' ? await readInput(context.terminal.stdin) : readFileSync(options.file, 'utf8');
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      return {
        outcome: 'misused',
        error: 'usage',
        description: `${source} cannot be read (${code ?? 'unknown'})`,
      };
    }
    try {
      metadata = JSON.parse(text ?? '');
    } catch {
      return refused('invalid_client_metadata', `${source} is not JSON`);
    }
    if (typeof metadata !== 'object' || metadata === null || Array.isArray(metadata)) {
      return refused('invalid_client_metadata', 'client metadata must be a JSON object');
    }
  }
  const merged: Record<string, unknown> = { ...(metadata as object) };
  for (const [option, member] of Object.entries(MEMBER_BY_OPTION)) {
    if (options[option] !== undefined) merged[member] = options[option];
  }
  if (options.public) {
    const method = options.tokenEndpointAuthMethod;
    if (method !== undefined && method !== 'none') {
      return {
        outcome: 'misused',
        error: 'usage',
        description: `--public does not go with ${String(method)}`,
      };
    }
    merged.token_endpoint_auth_method = 'none';
  }
  return { outcome: 'read', metadata: merged };
}
