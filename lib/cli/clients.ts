import type { Command } from 'commander';
import type { StoredClient } from '../clients/clients.ts';
import { registrationResponse } from '../clients/registration-response.ts';
import { type ClientOptions, readMetadata, withMetadataOptions } from './client-options.ts';
import type { CommandContext } from './command-context.ts';
import { type CommandResult, done, notFound, refused } from './command-result.ts';
import { withJson } from './options.ts';
import { escapedJson, formatTable, formatTime } from './table.ts';

/** A registration is printed as JSON for people too: it is what an application's configuration is copied from. */
function doneWith(client: StoredClient, clientSecret?: string): CommandResult {
  const response = registrationResponse(client, clientSecret);
  return done(response, escapedJson(response));
}

const unknownMembers = (options: ClientOptions) =>
  (options.ignoreUnknown ? 'ignore' : 'refuse') as 'ignore' | 'refuse';

/** Who registered an application. */
const ORIGINS = { operator: 'operator', registration: 'itself', document: 'its document' } as const;

/** `clients …`: applications, in the words of RFC 7591. */
export function addClientCommands(program: Command, context: CommandContext): void {
  const clients = program.command('clients').description('applications that people sign in to');

  withMetadataOptions(withJson(clients.command('create')))
    .description('register an application; prints the RFC 7591 response with the secret, this once')
    .option('--client-id <id>', 'its client_id; generated when not given')
    .action(async (options: ClientOptions) => {
      const read = await readMetadata(context, options);
      if (read.outcome !== 'read') return context.run(options, () => read);
      return context.runInRooms(options, async (rooms) => {
        const created = await rooms.clients.create(read.metadata, {
          unknownMembers: unknownMembers(options),
        });
        if (created.outcome === 'refused') return refused(created.error, created.description);
        return doneWith(created.client, created.clientSecret);
      });
    });

  withJson(clients.command('list'))
    .description('list applications: registered ones, and those known by their document')
    .action((options) =>
      context.runInRooms(options, async (rooms) => {
        const found = [...(await rooms.clients.list()), ...(await rooms.clientDocuments.list())];
        const rows = found.map(({ clientId, metadata, origin, createdAt }) => [
          clientId,
          metadata.client_name ?? '-',
          metadata.token_endpoint_auth_method,
          metadata.grant_types.join(' '),
          ORIGINS[origin],
          formatTime(createdAt),
        ]);
        return done(
          found.map((client) => ({ ...registrationResponse(client), origin: client.origin })),
          formatTable(['CLIENT ID', 'NAME', 'AUTHENTICATION', 'GRANTS', 'REGISTERED BY', 'CREATED'], rows),
        );
      }),
    );

  withJson(clients.command('show <client-id>'))
    .description('show an application’s registration')
    .action((clientId: string, options) =>
      context.runInRooms(options, async (rooms) => {
        const client = await rooms.clients.find(clientId);
        return client === undefined ? notFound(`client ${clientId}`) : doneWith(client);
      }),
    );

  withMetadataOptions(withJson(clients.command('update <client-id>')))
    .description('change members of a registration (null in a file removes one)')
    .option('--replace', 'replace the whole registration instead')
    .action(async (clientId: string, options: ClientOptions) => {
      const read = await readMetadata(context, options);
      if (read.outcome !== 'read') return context.run(options, () => read);
      return context.runInRooms(options, async (rooms) => {
        const updated = await rooms.clients.update(clientId, read.metadata, {
          unknownMembers: unknownMembers(options),
          merge: options.replace !== true,
        });
        if (updated.outcome === 'not_found') return notFound(`client ${clientId}`);
        if (updated.outcome === 'refused') return refused(updated.error, updated.description);
        return doneWith(updated.client, updated.clientSecret);
      });
    });

  withJson(clients.command('rotate-secret <client-id>'))
    .description('replace the secret; prints the registration with the new one, this once')
    .action((clientId: string, options) =>
      context.runInRooms(options, async (rooms) => {
        const rotated = await rooms.clients.rotateSecret(clientId);
        if (rotated.outcome === 'not_found') return notFound(`client ${clientId}`);
        if (rotated.outcome === 'refused') return refused(rotated.error, rotated.description);
        return doneWith(rotated.client, rotated.clientSecret);
      }),
    );

  withJson(clients.command('delete <client-id>'))
    .description('delete an application, and end the grants given to it')
    .action((clientId: string, options) =>
      context.runInRooms(options, async (rooms) => {
        const deleted = await rooms.clients.delete(clientId);
        if (deleted.outcome === 'not_found') return notFound(`client ${clientId}`);
        await rooms.grants.endClient(clientId);
        return done({ deleted: true, client_id: clientId }, `deleted ${clientId}`);
      }),
    );
}
