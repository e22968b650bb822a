/** A contender: a way to run a server that the load can be put on. */
import type { ServerProcess } from './server-process.ts';
import type { Target } from './target.ts';

export interface Contender {
  /** As shown in the report; unique within a run. */
  label: string;
  kind: ContenderKind;
  /** Complete once `setUp` has resolved. */
  target: Target;
  start(): Promise<ServerProcess>;
  /** Makes clients, APIs and people known. Called once, while the server runs. */
  setUp(): Promise<void>;
  /** Puts the grants into its store that it is to hold. Called once, while the server does not run. */
  fill?: (progress: (message: string) => void) => Promise<void>;
  /** Ends what it was given to run on. */
  dispose?: () => Promise<void>;
  /** Starts it once with nothing kept from before, and resolves with the milliseconds to its first answer. */
  firstStart?: () => Promise<number>;
}

export type ContenderKind = 'bare' | 'latchkey';

/** Which program, and how it is to be run, as it is named on the command line: `latchkey:redis:workers=2:grants=1000`. */
export interface ContenderSpecification {
  kind: ContenderKind;
  store: 'sqlite' | 'redis';
  /** Processes to serve with. */
  workers: number;
  /** Live grants, each with a refresh token, that its store holds before anything is measured. */
  grants: number;
  /** The same of grants that have expired and are still to be swept away. */
  expired: number;
  /** How much of one processor each of its processes gets, in percent; 0 is all that there is. */
  share: number;
}

export interface ContenderOptions extends ContenderSpecification {
  label: string;
  /** A folder of this contender's own, removed after the run. */
  folder: string;
  /** Flags for Node itself, in front of the program. */
  nodeFlags: string[];
}

/** People in each contender; the lanes of load take turns with them. */
export const peopleCount = 4;

/** The parts of a target that are the same for every contender. */
export const commonTarget = {
  redirectUri: 'https://app.bench.example/callback',
  apis: {
    rs256: 'https://api.bench.example/rs256',
    es256: 'https://api.bench.example/es256',
    opaque: 'https://api.bench.example/opaque',
  },
} as const;
