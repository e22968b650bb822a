import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { findPostgres } from '../../scripts/test-parts/find-postgres.ts';
import { findRedisServer } from '../../scripts/test-parts/find-redis-server.ts';

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

  it('finds the folder of PostgreSQL’s programs, in PATH before any other', () => {
    place('initdb');
    expect(findPostgres({ PATH: directory })).to.not.equal(directory);
    place('postgres');
    expect(findPostgres({ PATH: directory })).to.equal(directory);
  });
});
