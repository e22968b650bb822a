import { chooseLocale } from './locale.ts';
import type { ClientView } from './view-parts.ts';

/** What an application calls itself in a language, if it says so in it; what it says without a language otherwise. */
function inOneLanguage<Client extends ClientView>(client: Client, locale: string): Client {
  const { translations = {} } = client;
  // A private tag is nobody's language, and chosen when nothing else fits.
  const tag = chooseLocale(locale, undefined, ['x-none', ...Object.keys(translations)]);
  return { ...client, ...translations[tag] };
}

interface WithClients {
  client?: ClientView | undefined;
  requests?: ReadonlyArray<{ client: ClientView }>;
  applications?: ReadonlyArray<ClientView>;
}

/** Every application that a page shows. */
export function clientsOf(model: object): ClientView[] {
  const { client, requests = [], applications = [] } = model as WithClients;
  return [...(client === undefined ? [] : [client]), ...requests.map((each) => each.client), ...applications];
}

/** A page's model with each application's texts in the page's language (OpenID Connect Registration section 2.1). */
export function inLanguage<Model extends object>(model: Model, locale: string): Model {
  if (clientsOf(model).every(({ translations }) => translations === undefined)) return model;
  const { client, requests, applications } = model as WithClients;
  return {
    ...model,
    ...(client === undefined ? {} : { client: inOneLanguage(client, locale) }),
    ...(requests === undefined
      ? {}
      : { requests: requests.map((each) => ({ ...each, client: inOneLanguage(each.client, locale) })) }),
    ...(applications === undefined
      ? {}
      : { applications: applications.map((each) => inOneLanguage(each, locale)) }),
  };
}
