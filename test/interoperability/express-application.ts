import type { Server } from 'node:http';
import express, { type ErrorRequestHandler, type Express } from 'express';
import { freePort } from '../flows/latchkey-process.ts';

/** An application that listens on loopback. */
export interface RunningApplication {
  origin: string;
  stop(): Promise<void>;
}

/** What a library threw, as the application's user would be shown it. */
const showError: ErrorRequestHandler = (error, _request, response, _next) => {
  const { name, message, status = 500, code, error: oauthError, error_description: description } = error;
  response.status(status).json({ name, message, error: oauthError ?? code, description });
};

/** Chooses an origin, has `build` make the application for it, and listens there. */
export async function startExpress(
  build: (app: Express, origin: string) => Promise<void> | void,
): Promise<RunningApplication> {
  const port = await freePort();
  const origin = `http://127.0.0.1:${port}`;
  const app = express();
  await build(app, origin);
  app.use(showError);
  const server = await new Promise<Server>((resolve, reject) => {
    const listening = app.listen(port, '127.0.0.1', (error) =>
      error === undefined ? resolve(listening) : reject(error),
    );
  });
  return {
    origin,
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
