import { needsMac } from '../../clients/client-secret.ts';
import type { ClientMetadata } from '../../clients/metadata/client-metadata.ts';
import { unusableRegistrations } from '../../clients/unusable-registrations.ts';
import { type Check, type Finding, orFine, problem, warning } from './finding.ts';

/** Applications and APIs that were registered under another configuration, or stand on what is gone. */
export const registrationCheck: Check = async ({ configuration, database }) => {
  if (database === undefined) return [];
  const apis = await database.query.selectFrom('apis').select('identifier').execute();
  const clients = await database.query
    .selectFrom('clients')
    .select(['client_id', 'metadata', 'secret_sealed'])
    .execute();
  const identifiers = new Set(apis.map(({ identifier }) => identifier));
  const findings: Finding[] = [];
  for await (const { kind, name, problem: reason } of unusableRegistrations(database.query, configuration)) {
    findings.push(
      kind === 'api'
        ? problem(
            'registrations',
            `API ${name} gets no tokens: ${reason}`,
            `apis update ${name} --algorithm ${configuration.keys.algorithms[0]}, once the API accepts it`,
          )
        : problem(
            'registrations',
            `client ${name} cannot be used: ${reason}`,
            `configure it again, or change the registration: clients update ${name} --file -`,
          ),
    );
  }
  for (const client of clients) {
    const metadata = JSON.parse(client.metadata) as ClientMetadata;
    const { client_id: clientId } = client;
    const api = metadata.resource_server;
    if (api !== undefined && !identifiers.has(api)) {
      findings.push(
        warning(
          'registrations',
          `client ${clientId} is the API ${api}, which is not registered: it may introspect nothing`,
          `apis create --identifier ${api}, or clients update ${clientId}`,
        ),
      );
    }
    const usual = metadata.default_resource;
    if (usual !== undefined && !identifiers.has(usual)) {
      findings.push(
        warning(
          'registrations',
          `client ${clientId} has the default API ${usual}, which is not registered: it gets no tokens without naming another`,
          `apis create --identifier ${usual}, or clients update ${clientId}`,
        ),
      );
    }
    if (needsMac(metadata) && client.secret_sealed === null) {
      findings.push(
        problem(
          'registrations',
          `client ${clientId} authenticates by a MAC (client_secret_jwt), and its secret is not kept here: it cannot authenticate`,
          `clients rotate-secret ${clientId}`,
        ),
      );
    }
  }
  return orFine(
    findings,
    'registrations',
    `${clients.length} applications and ${apis.length} APIs fit the configuration`,
  );
};
