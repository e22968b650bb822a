/**
 * The least a server in this runtime can do: read the request, answer some JSON. What this costs, no provider written
 * on `node:http` can go below; the report takes it into its "physical limit".
 */
import { createServer } from 'node:http';

const body = JSON.stringify({ access_token: 'x'.repeat(400), token_type: 'Bearer', expires_in: 600 });

const server = createServer((request, response) => {
  const answer = () => {
    response.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': body.length });
    response.end(body);
  };
  if (request.method === 'POST') {
    let form = '';
    request.setEncoding('utf8');
    request.on('data', (chunk: string) => {
      form += chunk;
    });
    request.on('end', () => {
      if (new URLSearchParams(form).has('grant_type')) {
        answer();
      } else {
        response.writeHead(400).end();
      }
    });
  } else {
    answer();
  }
});
server.listen(Number(process.argv[2]), '127.0.0.1');
process.on('SIGTERM', () => process.exit(0));
