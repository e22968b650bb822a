/** Writes the documents that are made from the configuration schema: the reference table and the editors' JSON Schema. */
import { writeFileSync } from 'node:fs';
import { configurationJsonSchemaText, jsonSchemaFile } from '../config/json-schema.ts';
import { configurationReference, referenceFile } from '../config/reference.ts';

for (const [file, text] of [
  [referenceFile, configurationReference()],
  [jsonSchemaFile, configurationJsonSchemaText()],
] as const) {
  writeFileSync(new URL(`../${file}`, import.meta.url), text);
  console.log(`wrote ${file}`);
}
