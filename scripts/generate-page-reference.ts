/** Writes the reference of the pages from their view models. */
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { pageReference, pageReferenceFile } from './page-reference/page-reference.ts';

writeFileSync(fileURLToPath(new URL(`../${pageReferenceFile}`, import.meta.url)), pageReference());
console.log(`wrote ${pageReferenceFile}`);
