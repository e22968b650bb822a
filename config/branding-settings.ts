import { z } from 'zod';
import { hexColour, languageTag, logoUrl, webPage } from './value-formats.ts';

/** How the pages and mails are dressed. */
export const branding = z.strictObject({
  name: z
    .string()
    .min(1)
    .max(60)
    .refine((name) => !/\p{Cc}/u.test(name), 'must not contain control characters')
    .default('Latchkey')
    .describe('Name shown on the pages.'),
  logoUrl: logoUrl
    .exactOptional()
    .describe('Logo shown on the pages: an https URL, or a path on this server.'),
  accentColor: hexColour.exactOptional().describe('Colour of buttons and links, as `#rrggbb`.'),
  termsUrl: webPage
    .exactOptional()
    .describe('Your terms of use: linked from every page, and `op_tos_uri` of discovery.'),
  privacyUrl: webPage
    .exactOptional()
    .describe('Your privacy policy: linked from every page, and `op_policy_uri` of discovery.'),
});

/** The languages of pages and mails. */
export const languages = z.strictObject({
  default: languageTag
    .default('en')
    .describe('Language for people whose own is not there, as a BCP 47 tag such as `de` or `zh-Hans`.'),
  offered: z
    .array(languageTag)
    .default([])
    .describe(
      'Languages that people are offered, in the order in which they are listed; all that there are texts for when empty. The default language is always among them.',
    ),
});
