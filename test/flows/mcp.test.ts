import { type ChildProcess, spawn } from 'node:child_process';
import path from 'node:path';
import {
  Client,
  type OAuthClientMetadata,
  type OAuthClientProvider,
  type OAuthDiscoveryState,
  type StoredOAuthClientInformation,
  type StoredOAuthTokens,
  StreamableHTTPClientTransport,
  UnauthorizedError,
} from '@modelcontextprotocol/client';
import { expect } from 'chai';
import { decodeJwt } from 'jose';
import { ADA } from './application.ts';
import { DocumentServer } from './document-server.ts';
import { FormBrowser, type Landing } from './form-browser.ts';
import { eventually, freePort, LatchkeyProcess } from './latchkey-process.ts';

const MAIN = path.join(import.meta.dirname, '../../examples/mcp-server/main.ts');
const CALLBACK = 'http://127.0.0.1:4711/callback';

/** What an agent keeps between requests, in memory, as the SDK asks it of every application. */
class Agent implements OAuthClientProvider {
  readonly redirectUrl = CALLBACK;
  readonly clientMetadata: OAuthClientMetadata = {
    client_name: 'Desk Agent',
    redirect_uris: [CALLBACK],
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    token_endpoint_auth_method: 'none',
  };
  declare readonly clientMetadataUrl?: string;
  readonly asked: URL[] = [];
  information: StoredOAuthClientInformation | undefined;
  held: StoredOAuthTokens | undefined;
  #verifier = '';
  #discovered: OAuthDiscoveryState | undefined;

  constructor(clientMetadataUrl?: string) {
    if (clientMetadataUrl !== undefined) this.clientMetadataUrl = clientMetadataUrl;
  }

  clientInformation(): StoredOAuthClientInformation | undefined {
    return this.information;
  }
  saveClientInformation(information: StoredOAuthClientInformation): void {
    this.information = information;
  }
  tokens(): StoredOAuthTokens | undefined {
    return this.held;
  }
  saveTokens(tokens: StoredOAuthTokens): void {
    this.held = tokens;
  }
  redirectToAuthorization(url: URL): void {
    this.asked.push(url);
  }
  saveCodeVerifier(verifier: string): void {
    this.#verifier = verifier;
  }
  codeVerifier(): string {
    return this.#verifier;
  }
  saveDiscoveryState(state: OAuthDiscoveryState): void {
    this.#discovered = state;
  }
  discoveryState(): OAuthDiscoveryState | undefined {
    return this.#discovered;
  }
}

describe('an MCP server and the official SDK’s client', function () {
  this.timeout(60_000);
  let documents: DocumentServer;
  let latchkey: LatchkeyProcess;
  let example: ChildProcess;
  let server: URL;

  before(async () => {
    documents = await DocumentServer.start();
    const port = await freePort();
    server = new URL(`http://localhost:${port}/mcp`);
    latchkey = await LatchkeyProcess.start({
      ...documents.environment,
      LATCHKEY_CLIENT_DOCUMENTS_ENABLED: 'true',
      LATCHKEY_CLIENT_DOCUMENTS_SCOPES: 'openid offline_access notes.read notes.write',
      LATCHKEY_CLIENT_REGISTRATION_MODE: 'open',
      LATCHKEY_CLIENT_REGISTRATION_SCOPES: 'openid offline_access notes.read notes.write',
    });
    await latchkey.createPerson(ADA.login, ADA.password);
    await latchkey.json([
      ...['apis', 'create', '--identifier', server.href, '--scopes', 'notes.read,notes.write'],
      ...['--scope-description', 'notes.read=Read your notes'],
    ]);
    example = spawn(process.execPath, [MAIN], {
      env: { PATH: process.env.PATH ?? '', ISSUER: latchkey.issuer, PORT: String(port) },
      stdio: 'ignore',
    });
    await eventually('the MCP server answers', () =>
      fetch(server).then(
        (response) => response.status === 401,
        () => false,
      ),
    );
  });
  after(async () => {
    example?.kill('SIGTERM');
    await latchkey?.stop();
    await documents?.stop();
  });

  /** What the agent's person does in their browser, wherever the agent sent them last. */
  async function letIn(
    agent: Agent,
    browser: FormBrowser,
  ): Promise<{ code: string; iss: string; consent: Landing }> {
    const url = agent.asked.at(-1);
    if (url === undefined) throw new Error('the agent sent nobody anywhere');
    let landing = await browser.visit(url);
    if (landing.pageName === 'login') landing = await browser.submit(landing, 'submit', { ...ADA });
    const consent = landing;
    const end = await browser.submit(landing, 'approve');
    const { searchParams } = end.url;
    return { code: searchParams.get('code') ?? '', iss: searchParams.get('iss') ?? '', consent };
  }

  /** Connects as the SDK's documentation has it: the first attempt sends the person away, the second finds tokens. */
  async function connect(agent: Agent, browser: FormBrowser): Promise<{ client: Client; consent: Landing }> {
    const first = new StreamableHTTPClientTransport(server, { authProvider: agent });
    const unauthorized = await new Client({ name: 'desk', version: '1' }).connect(first).then(
      () => undefined,
      (error: unknown) => error,
    );
    expect(unauthorized).to.be.instanceOf(UnauthorizedError);
    const { code, iss, consent } = await letIn(agent, browser);
    await first.finishAuth(new URLSearchParams({ code, iss }));
    const client = new Client({ name: 'desk', version: '1' });
    await client.connect(new StreamableHTTPClientTransport(server, { authProvider: agent }));
    return { client, consent };
  }

  async function readsAndStepsUp(agent: Agent, text: string): Promise<Landing> {
    const browser = new FormBrowser(latchkey.issuer);
    const { client, consent } = await connect(agent, browser);
    // RFC 8707: the token is for this server alone.
    expect(agent.asked[0]?.searchParams.get('resource')).to.equal(server.href);
    const token = agent.held?.access_token ?? '';
    expect(decodeJwt(token)).to.include({ aud: server.href, scope: 'notes.read' });
    const { tools } = await client.listTools();
    expect(tools.map(({ name }) => name)).to.have.members(['list-notes', 'add-note']);
    const empty = await client.callTool({ name: 'list-notes', arguments: {} });
    expect(JSON.stringify(empty.content)).to.include('Welcome');
    const attempt = await client.callTool({ name: 'add-note', arguments: { text } }).then(
      () => undefined,
      (error: unknown) => error,
    );
    expect(attempt).to.be.instanceOf(UnauthorizedError);
    expect(agent.asked).to.have.length(2);
    expect(agent.asked[1]?.searchParams.get('scope')?.split(' ')).to.include.members([
      'notes.read',
      'notes.write',
    ]);
    const { code, iss } = await letIn(agent, browser);
    const transport = new StreamableHTTPClientTransport(server, { authProvider: agent });
    await transport.finishAuth(new URLSearchParams({ code, iss }));
    await client.callTool({ name: 'add-note', arguments: { text } });
    const noted = await client.callTool({ name: 'list-notes', arguments: {} });
    expect(JSON.stringify(noted.content)).to.include(text);
    await client.close();
    return consent;
  }

  it('find the provider, register, sign the person in, and ask for more when a tool needs it', async () => {
    const agent = new Agent();
    const consent = await readsAndStepsUp(agent, 'milk');
    expect(consent.page).to.include('registered itself').and.include('Read your notes');
    expect(consent.page).to.include('id="loopback"');
    expect(agent.information?.client_id).to.match(/^[\w-]{22}$/);
  });

  it('do the same without a registration, by a client ID metadata document', async () => {
    const address = `${documents.origin}/agent.json`;
    const agent = new Agent(address);
    documents.json('/agent.json', { client_id: address, ...agent.clientMetadata });
    const registered = async () =>
      (await latchkey.json<{ origin: string }[]>(['clients', 'list'])).filter(
        ({ origin }) => origin !== 'document',
      );
    const before = await registered();
    const consent = await readsAndStepsUp(agent, 'bread');
    expect(consent.page).to.include(new URL(address).host);
    expect(agent.information?.client_id).to.equal(address);
    expect(await registered()).to.deep.equal(before);
  });
});
