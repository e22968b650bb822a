import { freePort } from './ports.ts';

/** A port, and the origin that it gives. */
export interface Address {
  port: number;
  origin: string;
}

/** Where everything of the demo listens. */
export interface Addresses {
  provider: Address;
  management: Address;
  webApp: Address;
  singlePageApp: Address;
  api: Address;
  startPage: Address;
}

const USUAL_PORTS: Record<keyof Addresses, number> = {
  provider: 3000,
  management: 3001,
  webApp: 4000,
  singlePageApp: 4001,
  api: 4002,
  startPage: 4003,
};

/** The usual ports as far as nobody listens on them, else any free ones; or free ones throughout. */
export async function chooseAddresses(ports: 'usual' | 'free'): Promise<Addresses> {
  const chosen: Partial<Addresses> = {};
  for (const [name, usual] of Object.entries(USUAL_PORTS)) {
    const port = await freePort(...(ports === 'usual' ? [usual] : []));
    chosen[name as keyof Addresses] = { port, origin: `http://localhost:${port}` };
  }
  return chosen as Addresses;
}
