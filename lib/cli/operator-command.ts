import { Command, type ParseOptionsResult } from 'commander';

/**
 * Identifiers are base64url and may begin with a hyphen. An option's name never has a capital letter or a digit, and a
 * random identifier of this length always has (one in ten million has not), so the two are told apart.
 */
function isIdentifier(word: string): boolean {
  return /^-[\w-]{15,}$/.test(word) && /[A-Z\d]/.test(word);
}

/** A command of this command line: an identifier that looks like an option is taken for what it is. */
export class OperatorCommand extends Command {
  constructor(name?: string) {
    super(name);
    this.helpCommand(false);
  }

  override createCommand(name?: string): OperatorCommand {
    return new OperatorCommand(name);
  }

  override parseOptions(words: string[]): ParseOptionsResult {
    const parsed = super.parseOptions(words);
    const { operands, unknown } = parsed;
    const takesOperands = this.registeredArguments.length > 0;
    if (!takesOperands || !unknown.every((word) => !word.startsWith('-') || isIdentifier(word)))
      return parsed;
    return { operands: [...operands, ...unknown], unknown: [] };
  }
}
