import type { Addresses } from './addresses.ts';
import type { DemoFolder } from './demo-folder.ts';
import type { DemoProgram } from './demo-process.ts';
import { CLIENT_IDS } from './registrations.ts';

/** The variables with which the provider, and the CLI beside it, find the demo's configuration and no other. */
function configure(folder: DemoFolder, addresses: Addresses): { LATCHKEY_CONFIG: string } {
  const { provider, management } = addresses;
  const settings = [
    '# Written by `npm run demo` at each start.',
    `issuer: ${provider.origin}`,
    `port: ${provider.port}`,
    `management_port: ${management.port}`,
    `data_dir: ${JSON.stringify(folder.providerData)}`,
  ];
  folder.write('latchkey.yaml', `${settings.join('\n')}\n`);
  return { LATCHKEY_CONFIG: folder.configurationFile };
}

/** Latchkey itself. */
export function providerProgram(folder: DemoFolder, addresses: Addresses): DemoProgram {
  return {
    name: 'provider',
    command: ['lib/main.ts', 'serve'],
    environment: configure(folder, addresses),
    logFile: folder.logFile('provider'),
    readyWords: 'Latchkey is ready',
  };
}

/** The examples, each told by its environment alone what it must know. */
export function examplePrograms(
  folder: DemoFolder,
  addresses: Addresses,
  registered: { webAppSecret: string },
): DemoProgram[] {
  const { provider, webApp, singlePageApp, api } = addresses;
  const program = (name: string, directory: string, port: number, environment: Record<string, string>) => ({
    name,
    command: [`examples/${directory}/main.ts`],
    environment: { ISSUER: provider.origin, PORT: String(port), ...environment },
    logFile: folder.logFile(directory),
    readyWords: 'listening on',
  });
  return [
    program('API', 'resource-server', api.port, { ALLOWED_ORIGIN: singlePageApp.origin }),
    program('web app', 'web-app', webApp.port, {
      CLIENT_ID: CLIENT_IDS.webApp,
      CLIENT_SECRET_FILE: folder.write('book-club.secret', `${registered.webAppSecret}\n`),
    }),
    program('single-page app', 'spa', singlePageApp.port, {
      CLIENT_ID: CLIENT_IDS.singlePageApp,
      API: `${api.origin}/`,
    }),
  ];
}
