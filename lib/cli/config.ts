import type { Command } from 'commander';
import { configurationJsonSchema } from '../../config/json-schema.ts';
import { loadConfiguration } from '../../config/load.ts';
import { printedSettings, printedSettingsText } from '../../config/printed-settings.ts';
import type { CommandContext } from './command-context.ts';
import { done } from './command-result.ts';
import { withJson } from './options.ts';

/** `config check|print|schema`: what is configured, without starting or opening anything. */
export function addConfigCommands(program: Command, context: CommandContext): void {
  const config = program.command('config').description('look at the configuration');
  withJson(config.command('check'))
    .description('check the configuration as a start would')
    .action((options) =>
      context.run(options, async () => {
        const configuration = loadConfiguration();
        // Without an operator's views there is nothing to find out that takes loading all pages.
        if (configuration.viewsDir !== undefined) {
          const { openViews } = await import('../http/pages/open-views.ts');
          openViews(configuration);
        }
        return done({ valid: true }, 'the configuration is valid');
      }),
    );
  withJson(config.command('print'))
    .description('print every setting with its value and origin; secrets are redacted')
    .action((options) =>
      context.run(options, () => {
        const printed = printedSettings();
        return done(printed, printedSettingsText(printed).trimEnd());
      }),
    );
  withJson(config.command('schema'))
    .description('print the JSON Schema of the YAML file')
    .action((options) =>
      context.run(options, () => {
        const schema = configurationJsonSchema();
        return done(schema, JSON.stringify(schema, null, 2));
      }),
    );
}
