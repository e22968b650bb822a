import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { findPostgres } from '../../scripts/test-parts/find-postgres.ts';
import { findRedisServer } from '../../scripts/test-parts/find-redis-server.ts';
import { findSlapd } from '../../scripts/test-parts/find-slapd.ts';
import { findSoftToken } from '../../scripts/test-parts/find-soft-token.ts';

describe('finding the servers that tests start', () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'latchkey-parts-'));
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  function place(name: string): string {
    const file = join(directory, name);
    writeFileSync(file, '#!/bin/sh\n');
    chmodSync(file, 0o755);
    return file;
  }

  it('finds redis-server in PATH, and nothing where there is none', () => {
    expect(findRedisServer({ PATH: directory })).to.equal(undefined);
    const file = place('redis-server');
    expect(findRedisServer({ PATH: directory })).to.equal(file);
  });

  it('finds slapd in PATH before any other place', () => {
    expect(findSlapd({ PATH: directory })).to.not.equal(join(directory, 'slapd'));
    const file = place('slapd');
    expect(findSlapd({ PATH: directory })).to.equal(file);
  });

  it('finds a token in software only with the program that speaks to it', () => {
    expect(findSoftToken({ PATH: directory })).to.equal(undefined);
    const tool = place('pkcs11-tool');
    expect(findSoftToken({ PATH: directory })).to.include({ tool });
  });

  it('finds the folder of PostgreSQL’s programs, in PATH before any other', () => {
    place('initdb');
    expect(findPostgres({ PATH: directory })).to.not.equal(directory);
    place('postgres');
    expect(findPostgres({ PATH: directory })).to.equal(directory);
  });
});
