import type Provider from 'oidc-provider';
import type { KoaContextWithOIDC } from 'oidc-provider';
import { entitiesOf, prototypesOf } from '../engine/engine-context.ts';

/**
 * Puts the claims of the granted scopes into ID tokens of clients that registered `id_token_scope_claims`. OpenID Connect Core §5.4 has them
 * come from userinfo when there is an access token to ask it with, and so they do for everybody else; common client libraries read
 * the ID token alone and otherwise get no e-mail address.
 */
export function releaseScopeClaims(provider: Provider): void {
  const { IdToken } = prototypesOf(provider);
  const { issue } = IdToken.prototype;
  IdToken.prototype.issue = function issueWithScopeClaims(options) {
    const ctx = this.ctx as KoaContextWithOIDC | undefined;
    if (options?.use === 'idtoken' && this.client?.id_token_scope_claims === true && ctx !== undefined) {
      // The engine has loaded the claims of all the scopes that were granted, and left `openid` alone as what to show.
      const granted = entitiesOf(ctx).AccessToken?.scopes ?? ctx.oidc.requestParamScopes;
      const shown = ctx.oidc.entities.Grant?.getOIDCScopeFiltered(new Set(granted));
      if (this.scope === 'openid' && shown !== undefined) this.scope = shown;
    }
    return issue.call(this, options);
  };
}
