/**
 * Runs before the tests, which drive real programs: Chromium, redis-server, PostgreSQL, slapd. They are parts of the system rather
 * than packages of ours. They are installed where that is possible without asking; otherwise the commands are printed, and the tests do not
 * start.
 */
import { spawnSync } from 'node:child_process';
import { findChromium } from './test-parts/find-chromium.ts';
import { findPostgres } from './test-parts/find-postgres.ts';
import { findRedisServer } from './test-parts/find-redis-server.ts';
import { findSlapd } from './test-parts/find-slapd.ts';
import { findSoftToken } from './test-parts/find-soft-token.ts';

interface Part {
  name: string;
  purpose: string;
  find: () => string | undefined;
  /** The package's names. */
  debian: string;
  fedora: string;
  macos: string;
  /** Names one that is installed elsewhere. */
  override?: string;
}

const parts: Part[] = [
  {
    name: 'Chromium',
    purpose: 'the browser tests',
    find: findChromium,
    debian: 'chromium',
    fedora: 'chromium',
    macos: '--cask chromium',
    override: 'CHROMIUM_PATH',
  },
  {
    name: 'redis-server',
    purpose: 'the tests of storage in Redis',
    find: findRedisServer,
    debian: 'redis-server',
    fedora: 'redis',
    macos: 'redis',
  },
  {
    name: 'PostgreSQL',
    purpose: 'the tests of the directory in PostgreSQL',
    find: findPostgres,
    debian: 'postgresql',
    fedora: 'postgresql-server',
    macos: 'postgresql',
  },
  {
    name: 'SoftHSM with OpenSC',
    purpose: 'the tests of signing keys in a PKCS#11 token',
    find: () => findSoftToken()?.tool,
    debian: 'softhsm2 opensc',
    fedora: 'softhsm opensc',
    macos: 'softhsm opensc',
  },
  {
    name: 'slapd',
    purpose: 'the tests of people in an LDAP directory',
    find: findSlapd,
    debian: 'slapd',
    fedora: 'openldap-servers',
    macos: 'openldap',
  },
];

const missing = (): Part[] => parts.filter((part) => part.find() === undefined);
const overridden = ({ override }: Part): boolean => override !== undefined && !!process.env[override];

const installable = missing().filter((part) => !overridden(part));
if (installable.length > 0 && canInstall()) {
  for (const { name, purpose } of installable) {
    console.log(`${name} is missing, and ${purpose} need it; installing it with apt-get.`);
  }
  const packages = installable.flatMap(({ debian }) => debian.split(' '));
  const update = ['update', '--quiet'];
  const install = ['install', '--yes', '--no-install-recommends', ...packages];
  for (const options of [update, install]) {
    spawnSync('apt-get', options, {
      stdio: 'inherit',
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' },
    });
  }
}
for (const part of missing()) {
  console.error(explanation(part));
  process.exitCode = 1;
}

function canInstall(): boolean {
  return process.getuid?.() === 0 && spawnSync('apt-get', ['--version'], { stdio: 'ignore' }).status === 0;
}

function explanation(part: Part): string {
  const { name, purpose, debian, fedora, macos, override } = part;
  if (override !== undefined && overridden(part)) {
    return `${override} names ${process.env[override]}, which cannot be run.`;
  }
  return [
    `${name} is missing, and ${purpose} need it. Install it:`,
    `  Debian, Ubuntu:  sudo apt-get install --yes --no-install-recommends ${debian}`,
    `  Fedora:          sudo dnf install --assumeyes ${fedora}`,
    `  macOS:           brew install ${macos}`,
    ...(override === undefined
      ? []
      : [`or name one that is installed elsewhere: ${override}=/path/to/it npm test`]),
  ].join('\n');
}
