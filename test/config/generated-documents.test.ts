import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { parse } from 'yaml';
import { z } from 'zod';
import { configurationJsonSchema, jsonSchemaFile } from '../../config/json-schema.ts';
import { loadConfiguration } from '../../config/load.ts';
import { configurationReference, referenceFile } from '../../config/reference.ts';
import { settings } from '../../config/settings.ts';

const project = new URL('../../', import.meta.url);
const read = (file: string) => readFileSync(new URL(file, project), 'utf8');

describe('documents made from the configuration schema', () => {
  it('include a reference table that is current', () => {
    expect(read(referenceFile), 'run scripts/generate-configuration-reference.ts').to.equal(
      configurationReference(),
    );
  });

  it('include a JSON Schema that is current', () => {
    expect(JSON.parse(read(jsonSchemaFile)), 'run scripts/generate-configuration-reference.ts').to.deep.equal(
      JSON.parse(JSON.stringify(configurationJsonSchema())),
    );
  });

  it('describe every setting, its variable and its meaning', () => {
    const reference = configurationReference();
    for (const setting of settings) {
      expect(setting.description, setting.key).to.match(/\w.*\.$/);
      expect(reference).to.contain(`| \`${setting.key}\` | \`${setting.variable}\` |`);
    }
  });

  it('give each setting a variable of its own', () => {
    const variables = settings.flatMap((setting) => [setting.variable, setting.fileVariable ?? []].flat());
    expect(new Set(variables).size).to.equal(variables.length);
  });

  it('let the JSON Schema accept the example file and refuse a misspelt key', () => {
    const schema = z.fromJSONSchema(configurationJsonSchema() as Parameters<typeof z.fromJSONSchema>[0]);
    const example: unknown = parse(read('config/latchkey.example.yaml'));
    expect(schema.safeParse(example).success).to.equal(true);
    expect(schema.safeParse({ ...(example as object), isuer: 'x' }).success).to.equal(false);
    expect(schema.safeParse({ lifetimes: { access_token: -1 } }).success).to.equal(false);
  });

  it('come with an example file that loads', () => {
    const configuration = loadConfiguration({
      environment: { LATCHKEY_CONFIG: 'config/latchkey.example.yaml' },
      directory: new URL('.', project).pathname,
    });
    expect(configuration.issuer).to.equal('https://id.example.com');
    expect(configuration.branding.accentColor).to.equal('#1d4ed8');
  });
});
