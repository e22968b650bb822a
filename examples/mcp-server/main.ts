/**
 * An MCP server that keeps notes for the person whose access token comes along. Any good token lists tools; reading notes
 * needs the scope `notes.read`, writing them `notes.write`. A token that lacks one is answered with the challenge by which
 * clients ask their person for it (step-up).
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createMcpHandler, McpServer } from '@modelcontextprotocol/server';
import { z } from 'zod';
import type { AccessTokenClaims } from '../../lib/resource-server/access-token-claims.ts';
import { fetchResourceServer } from '../../lib/resource-server/fetch-resource-server.ts';
import { createNotebook } from '../resource-server/notebook.ts';

const { ISSUER: issuer, HOST: host = '127.0.0.1' } = process.env;
const port = Number(process.env.PORT ?? 4003);
const origin = process.env.ORIGIN ?? `http://localhost:${port}`;
if (!issuer) throw new Error('ISSUER is not set');

/** What is read before the token is looked at. */
const LONGEST_REQUEST = 65_536;
const SCOPE_BY_TOOL: Readonly<Record<string, string>> = {
  'list-notes': 'notes.read',
  'add-note': 'notes.write',
};

const api = fetchResourceServer({
  issuer,
  audience: process.env.AUDIENCE ?? `${origin}/mcp`,
  realm: 'notes',
  // What clients ask for at first; the rest when a tool needs it.
  metadata: { name: 'Notes for agents', scopes: ['notes.read'] },
  onRefusal: (refusal) => console.log(JSON.stringify({ refused: refusal })),
});
const notebook = createNotebook();
const metadata = api.metadata();

/** The tools as one person has them: each request is served by a server of its own. */
function toolsFor(person: string): McpServer {
  const server = new McpServer({ name: 'notes', version: '1.0.0' });
  server.registerTool('list-notes', { description: 'The person’s notes' }, async () => ({
    content: [{ type: 'text', text: JSON.stringify(notebook.of(person)) }],
  }));
  server.registerTool(
    'add-note',
    { description: 'Writes a note', inputSchema: z.object({ text: z.string().min(1).max(1000) }) },
    async ({ text }) => ({
      content: [{ type: 'text', text: JSON.stringify(notebook.add(person, text)) }],
    }),
  );
  return server;
}

/** The scopes that a request needs: that of the tool which it calls. */
function scopesFor(message: unknown): string[] {
  const { method, params } = (message ?? {}) as { method?: unknown; params?: { name?: unknown } };
  const scope = method === 'tools/call' ? SCOPE_BY_TOOL[String(params?.name)] : undefined;
  return scope === undefined ? [] : [scope];
}

async function serve(request: Request, message: unknown, token: AccessTokenClaims): Promise<Response> {
  const handler = createMcpHandler(() => toolsFor(token.sub));
  return handler.fetch(request, message === undefined ? {} : { parsedBody: message });
}

async function answer(incoming: IncomingMessage): Promise<Response> {
  const url = new URL(incoming.url ?? '/', origin);
  const headers = new Headers(incoming.headers as Record<string, string>);
  const { method = 'GET' } = incoming;
  const described = metadata(new Request(url, { method, headers }));
  if (described !== undefined) return described;
  if (url.pathname !== '/mcp') return Response.json({ error: 'not_found' }, { status: 404 });
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of incoming as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > LONGEST_REQUEST) return Response.json({ error: 'too_large' }, { status: 413 });
    chunks.push(chunk);
  }
  const text = Buffer.concat(chunks).toString();
  const message: unknown = method === 'POST' ? JSON.parse(text) : undefined;
  const request = new Request(url, { method, headers, ...(method === 'POST' ? { body: text } : {}) });
  const guarded = api.requireScopes(...scopesFor(message))((_request, token) =>
    serve(request, message, token),
  );
  return guarded(request);
}

async function respond(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
  const response = await answer(incoming).catch((error: unknown) => {
    if (error instanceof SyntaxError) return Response.json({ error: 'invalid_request' }, { status: 400 });
    console.error(error);
    return Response.json({ error: 'server_error' }, { status: 500 });
  });
  outgoing.writeHead(response.status, Object.fromEntries(response.headers));
  if (response.body === null) outgoing.end();
  // A client that has heard enough goes away; that is no failure.
  else await pipeline(Readable.fromWeb(response.body as never), outgoing).catch(() => undefined);
}

createServer((incoming, outgoing) => void respond(incoming, outgoing)).listen(port, host, () =>
  console.log(`MCP server listening on ${origin}/mcp`),
);
