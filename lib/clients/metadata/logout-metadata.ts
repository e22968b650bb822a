import { z } from 'zod';
import type { Configuration } from '../../../config/configuration.ts';
import { webUri } from '../web-uri.ts';

const uriWithoutFragment = webUri.refine((uri) => !uri.includes('#'), 'must not have a fragment');

/**
 * How a client hears of a logout (OpenID Connect Back-Channel Logout §2.2, Front-Channel Logout §2).
 */
export const logoutMembers = {
  backchannel_logout_uri: uriWithoutFragment.optional(),
  backchannel_logout_session_required: z.boolean().optional(),
  frontchannel_logout_uri: uriWithoutFragment.optional(),
  frontchannel_logout_session_required: z.boolean().optional(),
};

const CHANNELS = ['backchannel', 'frontchannel'] as const;

/** The members above as a registration has them. */
export interface LogoutMetadata {
  redirect_uris: ReadonlyArray<string>;
  backchannel_logout_uri?: string | undefined;
  backchannel_logout_session_required?: boolean | undefined;
  frontchannel_logout_uri?: string | undefined;
  frontchannel_logout_session_required?: boolean | undefined;
}

/** Why the present configuration tells no client of a logout in this way. */
export function logoutConfigurationProblem(
  metadata: Omit<LogoutMetadata, 'redirect_uris'>,
  { backchannelLogout, frontchannelLogout }: Configuration['features'],
): string | undefined {
  if (metadata.backchannel_logout_uri !== undefined && !backchannelLogout) {
    return 'backchannel_logout_uri needs features.backchannel_logout, which is off';
  }
  if (metadata.frontchannel_logout_uri !== undefined && !frontchannelLogout) {
    return 'frontchannel_logout_uri needs features.frontchannel_logout, which is off';
  }
  return undefined;
}

/** Why these members do not go together, whatever is configured. */
export function logoutConsistencyProblem(metadata: LogoutMetadata): string | undefined {
  for (const channel of CHANNELS) {
    const required = metadata[`${channel}_logout_session_required`] === true;
    if (required && metadata[`${channel}_logout_uri`] === undefined) {
      return `${channel}_logout_session_required needs ${channel}_logout_uri`;
    }
  }
  const { frontchannel_logout_uri: uri, redirect_uris: redirectUris } = metadata;
  if (uri === undefined) return undefined;
  const origins = redirectUris.map((redirectUri) => new URL(redirectUri).origin);
  return origins.includes(new URL(uri).origin)
    ? undefined
    : 'frontchannel_logout_uri must have the scheme, host and port of a redirect URI (Front-Channel Logout §2)';
}
