import { domainToASCII } from 'node:url';
import { z } from 'zod';
import { mailSender } from './mail-sender.ts';

/** Mail that Latchkey sends. */
export const mail = z.strictObject({
  from: z
    .string()
    .superRefine((value, context) => {
      const sender = mailSender(value);
      if (typeof sender === 'string') context.addIssue({ code: 'custom', message: sender });
    })
    .exactOptional()
    .describe(
      'Whom mail comes from: `id@example.com` or `Name <id@example.com>`. Without it, `no-reply@` the issuer’s host under the branding’s name.',
    ),
});

/** Whether people may make their own accounts. */
export const registration = z.strictObject({
  mode: z
    .enum(['off', 'open', 'invitation'])
    .default('off')
    .describe(
      '`open` lets anybody with a mailbox make an account, `invitation` only whom `users invite` has sent a link. Without effect unless `accounts.adapter` is `sql`.',
    ),
  allowedDomains: z
    .array(
      z
        .string()
        .refine(
          (domain) => /^[a-z0-9-]+(\.[a-z0-9-]+)+$/.test(domainToASCII(domain)),
          'must be a mail domain such as example.com',
        ),
    )
    .default([])
    .describe(
      'Mail domains from which people may register; all when empty. A subdomain is another domain. While `mode` is `open`, who changes their address keeps to these, or to the domain that they have.',
    ),
});
