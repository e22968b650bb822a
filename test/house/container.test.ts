import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { parse } from 'yaml';
import { loadConfiguration } from '../../config/load.ts';

const read = (file: string) => readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8');

interface Service {
  image?: string;
  command?: string[];
  profiles?: string[];
  environment?: Record<string, string>;
  ports?: string[];
  volumes?: string[];
  healthcheck?: { test: string[] };
  secrets?: string[];
  networks?: string[];
}

interface Compose {
  services: Record<string, Service>;
  volumes: Record<string, null>;
  secrets: Record<string, unknown>;
  networks: Record<string, { ipam: { config: { subnet: string; gateway: string }[] } }>;
}

/** The instructions of the last stage, continuation lines joined. */
function instructions(dockerfile: string): [name: string, rest: string][] {
  const lines = dockerfile.replace(/\\\n\s*/g, '').split('\n');
  const all = lines
    .filter((line) => /^[A-Z]+ /.test(line))
    .map((line): [string, string] => {
      const [name = ''] = line.split(' ');
      return [name, line.slice(name.length + 1)];
    });
  return all.slice(all.findLastIndex(([name]) => name === 'FROM'));
}

describe('the container image', () => {
  const dockerfile = read('Dockerfile');
  const last = instructions(dockerfile);
  const of = (name: string) => last.filter(([found]) => found === name).map(([, rest]) => rest);

  it('stands on the official image of the Node that the project pins', () => {
    const major = (
      JSON.parse(read('package.json')) as { devDependencies: { node: string } }
    ).devDependencies.node.split('.')[0];
    const bases = [...dockerfile.matchAll(/^FROM (\S+)/gm)].map((match) => match[1]);
    expect(bases).to.have.lengthOf(2);
    for (const base of bases) expect(base).to.equal(`node:${major}-bookworm-slim`);
    expect(read('.nvmrc').trim()).to.equal(major);
    expect(dockerfile).to.match(/npm ci --omit=dev/);
  });

  it('runs without root, from a command without a shell, the same as npm start', () => {
    expect(of('USER')).to.deep.equal(['node']);
    const command = JSON.parse(of('CMD')[0] ?? '') as string[];
    const start = (JSON.parse(read('package.json')) as { scripts: { start: string } }).scripts.start;
    expect(command.join(' ')).to.equal(start);
  });

  it('keeps its data in a volume that the user owns', () => {
    expect(of('VOLUME')).to.deep.equal(['/var/lib/latchkey']);
    expect(of('ENV')[0]).to.contain('LATCHKEY_DATA_DIR=/var/lib/latchkey');
    expect(of('RUN')[0]).to.match(/--owner=node .*--mode=0700 \/var\/lib\/latchkey$/);
  });

  it('asks the management listener for its health', () => {
    const check = of('HEALTHCHECK')[0] ?? '';
    const { managementHost, managementPort } = loadConfiguration({
      environment: {},
      directory: '/nonexistent',
    });
    expect(check).to.contain(`http://${managementHost}:`).and.to.contain(`|| ${managementPort}}/healthz`);
    expect(JSON.parse(check.slice(check.indexOf('CMD ') + 4))).to.have.lengthOf(3);
  });

  it('copies in what it runs and nothing that an operator keeps to themselves', () => {
    const copied = of('COPY').join('\n');
    for (const folder of ['config', 'views', 'lib']) expect(copied).to.contain(`${folder} ./${folder}`);
    const ignored = read('.dockerignore').split('\n');
    expect(ignored).to.include.members(['*', 'config/latchkey.yaml']);
    expect(ignored).not.to.include.members(['!data']);
  });
});

describe('the compose file', () => {
  const compose = parse(read('docker-compose.yml')) as Compose;
  const service = (name: string): Service => compose.services[name] ?? expect.fail(`no service ${name}`);

  it('configures Latchkey so that it starts', () => {
    const environment: Record<string, string> = {
      ...service('latchkey').environment,
      LATCHKEY_HOST: '0.0.0.0',
    };
    const issuer = environment.LATCHKEY_ISSUER?.replace(/^\$\{LATCHKEY_ISSUER:-(.*)\}$/, '$1') ?? '';
    for (const LATCHKEY_ISSUER of [issuer, 'https://id.example.com']) {
      const configuration = loadConfiguration({
        environment: { ...environment, LATCHKEY_ISSUER },
        directory: '/nonexistent',
      });
      expect(configuration.issuer).to.equal(LATCHKEY_ISSUER);
      expect(configuration.trustedProxies).to.deep.equal([
        compose.networks.latchkey?.ipam.config[0]?.gateway,
      ]);
    }
  });

  it('publishes to this machine alone, and never the management port', () => {
    expect(service('latchkey').ports).to.deep.equal(['127.0.0.1:3000:3000']);
  });

  it('gives Redis an append-only file and no eviction', () => {
    const command = (service('redis').command ?? []).join(' ');
    expect(command).to.contain('--appendonly yes').and.to.contain('--maxmemory-policy noeviction');
  });

  it('starts Redis and PostgreSQL for those who ask, and needs neither', () => {
    for (const name of ['redis', 'postgres'])
      expect(service(name).profiles).to.deep.equal(['external-stores']);
  });

  it('checks the health of each store and keeps the password in a secret', () => {
    expect(service('redis').healthcheck?.test).to.deep.equal(['CMD', 'redis-cli', 'ping']);
    expect(service('postgres').healthcheck?.test).to.include('pg_isready');
    expect(service('postgres').environment).to.have.property(
      'POSTGRES_PASSWORD_FILE',
      '/run/secrets/postgres_password',
    );
    expect(service('postgres').environment).not.to.have.property('POSTGRES_PASSWORD');
  });

  it('defines every volume, network and secret that a service names', () => {
    for (const [name, { volumes = [], networks = [], secrets = [] }] of Object.entries(compose.services)) {
      for (const volume of volumes)
        expect(compose.volumes, name).to.have.property(volume.split(':')[0] ?? '');
      for (const network of networks) expect(compose.networks, name).to.have.property(network);
      for (const secret of secrets) expect(compose.secrets, name).to.have.property(secret);
    }
  });
});
