/** Writes the documents that are made from the configuration schema: the reference table and the editors' JSON Schema. */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { configurationJsonSchema, jsonSchemaFile } from '../config/json-schema.ts';
import { configurationReference, referenceFile } from '../config/reference.ts';

const project = fileURLToPath(new URL('..', import.meta.url));

writeFileSync(`${project}${referenceFile}`, configurationReference());
writeFileSync(`${project}${jsonSchemaFile}`, JSON.stringify(configurationJsonSchema()));
execFileSync(`${project}node_modules/.bin/biome`, ['format', '--write', jsonSchemaFile], { cwd: project });
console.log(`wrote ${referenceFile} and ${jsonSchemaFile}`);
