/** Members of a registration that the engine does not know, and hands on with the client to whoever asks for them here. */
export const EXTRA_CLIENT_METADATA = [
  'refresh_token_grace',
  'resource_server',
  'default_resource',
  'initiate_login_uri',
  'frontchannel_logout_uri',
  'frontchannel_logout_session_required',
  'required_acr',
  'id_token_scope_claims',
  'profile',
  'request_uris',
];
