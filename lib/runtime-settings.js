/**
 * Settings of the runtime that must come before everything else is loaded. In JavaScript, so that nothing has to be stripped of
 * types to run it: with a warm cache the part of Node that does so (some MiB, some tens of ms) is not loaded at all.
 */
import '../config/runtime-environment.js';
// By its name, an older Node would not know it, and end before it can be told that it is older.
import module from 'node:module';
import { fileURLToPath } from 'node:url';
import { setFlagsFromString } from 'node:v8';

/** The oldest that runs the sources as they are. */
const OLDEST_NODE = 24;

if (Number.parseInt(process.versions.node, 10) < OLDEST_NODE) {
  process.stderr.write(
    `latchkey: this is Node ${process.versions.node}, and ${OLDEST_NODE} or newer is needed: \`npm ci\` (with development packages) installs it for npm's own scripts\n`,
  );
  process.exit(2);
}

// Left alone, V8 lets the old part of the heap grow to several times what is in use before it collects: it does not know that
// memory has a price. The other half is `--max-semi-space-size`, which it takes on the command line alone (package.json,
// Dockerfile).
setFlagsFromString('--heap-growing-percent=80');

// Compiled code and stripped types are kept from one start to the next, beside the packages and so out of others' reach.
module.enableCompileCache(fileURLToPath(new URL('../node_modules/.cache/latchkey', import.meta.url)));
