import { z } from 'zod';
import { configurationSchema } from './configuration.ts';
import { toSnakeCase } from './settings.ts';

type JsonSchema = z.core.JSONSchema.JSONSchema;

/** Where the generated schema is kept, relative to the project; a YAML file next to it may point editors at it. */
export const jsonSchemaFile = 'config/latchkey.schema.json';

/**
 * The JSON Schema (draft 2020-12) of the YAML file. An editor that finds
 * `# yaml-language-server: $schema=latchkey.schema.json` in the first line completes and checks keys by it.
 */
export function configurationJsonSchema(): JsonSchema {
  const schema = z.toJSONSchema(configurationSchema, { io: 'input' });
  return { ...schema, title: 'Latchkey configuration', ...withSnakeCaseKeys(schema) };
}

function withSnakeCaseKeys(schema: JsonSchema): JsonSchema {
  if (schema.properties === undefined) return schema;
  const properties = Object.entries(schema.properties).map(([name, child]) => [
    toSnakeCase(name),
    typeof child === 'boolean' ? child : withSnakeCaseKeys(child),
  ]);
  return { ...schema, properties: Object.fromEntries(properties) };
}
