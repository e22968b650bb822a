import { z } from 'zod';
import { configurationSchema } from './configuration.ts';
import { type SettingTraits, settingTraits } from './setting-traits.ts';

/** One leaf of the configuration, under each of the names it goes by. */
export interface Setting {
  /** The path in `Configuration`, such as `['log', 'level']`. */
  readonly path: readonly string[];
  /** The name in YAML, such as `log.level`. */
  readonly key: string;
  /** The environment variable, such as `LATCHKEY_LOG_LEVEL`. */
  readonly variable: string;
  /** The variable that names a file with the value; only settings that bear secrets have one. */
  readonly fileVariable: string | undefined;
  /** How text from the environment is read. */
  readonly kind: 'text' | 'number' | 'number or text' | 'true or false' | 'list' | 'mapping';
  readonly traits: SettingTraits;
  readonly description: string;
  readonly schema: z.core.$ZodType;
}

/** `minimumLength` becomes `minimum_length`. */
export function toSnakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

function unwrap(schema: z.core.$ZodType): z.core.$ZodType {
  if (
    schema instanceof z.ZodDefault ||
    schema instanceof z.ZodPrefault ||
    schema instanceof z.ZodExactOptional
  ) {
    return unwrap(schema.def.innerType);
  }
  return schema;
}

function kindOf(schema: z.core.$ZodType): Setting['kind'] {
  const inner = unwrap(schema);
  if (inner instanceof z.ZodArray) return 'list';
  if (inner instanceof z.ZodRecord) return 'mapping';
  if (inner instanceof z.ZodNumber) return 'number';
  if (inner instanceof z.ZodBoolean) return 'true or false';
  return inner instanceof z.ZodUnion ? 'number or text' : 'text';
}

function toSetting(path: readonly string[], schema: z.core.$ZodType): Setting {
  const names = path.map(toSnakeCase);
  const variable = `LATCHKEY_${names.join('_').toUpperCase()}`;
  const traits = settingTraits.get(schema) ?? {};
  return {
    path,
    key: names.join('.'),
    variable,
    fileVariable: traits.secret ? `${variable}_FILE` : undefined,
    kind: kindOf(schema),
    traits,
    description: z.globalRegistry.get(schema)?.description ?? '',
    schema,
  };
}

function collect(schema: z.core.$ZodType, path: readonly string[]): Setting[] {
  const inner = unwrap(schema);
  if (!(inner instanceof z.ZodObject)) return [toSetting(path, schema)];
  return Object.entries(inner.shape).flatMap(([name, child]) =>
    collect(child as z.core.$ZodType, [...path, name]),
  );
}

/** Every setting there is, in the order of the schema. */
export const settings: readonly Setting[] = collect(configurationSchema, []);
