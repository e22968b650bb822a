import { type Command, InvalidArgumentError, Option } from 'commander';

/** Adds what every command has. */
export function withJson(command: Command): Command {
  return command.option('--json', 'print JSON (errors too, on standard error)');
}

/** An option that may be given several times and collects its values. */
export function repeatable(flags: string, description: string): Option {
  return new Option(flags, `${description} (repeatable)`).argParser(
    (value: string, former: string[] | undefined) => [...(former ?? []), value],
  );
}

/** Reads a whole number. Throws commander's InvalidArgumentError. */
export function wholeNumber(value: string): number {
  if (!/^\d{1,15}$/.test(value)) throw new InvalidArgumentError('it must be a whole number.');
  return Number(value);
}

/** Reads a list with commas. */
export function commaSeparated(value: string): string[] {
  return value
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
}
