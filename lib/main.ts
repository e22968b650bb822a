#!/usr/bin/env node
/** The program's entry. What is composed is in command-line.ts, loaded after the runtime has its settings. */
import './runtime-settings.js';

const { runCommandLine } = await import('./command-line.ts');
process.exitCode = await runCommandLine(process.argv.slice(2));
