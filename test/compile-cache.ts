/**
 * Loaded by mocha before the tests. What is compiled, and stripped of its types, is kept from one process to the next: the tests fork some
 * hundred that load the same files. Where it is kept is told to them by the environment; the product's own processes see to theirs.
 */
import { enableCompileCache, flushCompileCache } from 'node:module';
import path from 'node:path';

const folder = path.join(import.meta.dirname, '../node_modules/.cache/latchkey');
process.env.NODE_COMPILE_CACHE ??= folder;
enableCompileCache(process.env.NODE_COMPILE_CACHE);

export const mochaHooks = {
  /** Before each file, whose modules are loaded then: processes that are killed keep nothing themselves. */
  beforeAll(): void {
    flushCompileCache();
  },
};
