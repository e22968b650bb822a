import type { Client, KoaContextWithOIDC } from 'oidc-provider';

const originsByClient = new WeakMap<Client, ReadonlySet<string>>();

function originsOf(client: Client): ReadonlySet<string> {
  const known = originsByClient.get(client);
  if (known !== undefined) return known;
  const origins = new Set(
    (client.redirectUris ?? []).map((uri) => URL.parse(uri)?.origin).filter((origin) => origin !== undefined),
  );
  origins.delete('null');
  originsByClient.set(client, origins);
  return origins;
}

/** A browser client may call from the origins of its registered redirect URIs, and from nowhere else. */
export function allowCrossOrigin(_ctx: KoaContextWithOIDC, origin: string, client: Client): boolean {
  return originsOf(client).has(origin);
}
