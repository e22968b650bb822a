/** Whom mail comes from. */
export interface MailSender {
  readonly name?: string;
  readonly address: string;
}

const form = /^(?:([^<>]*?)\s*<([^<>\s]+)>|([^<>\s]+))$/;
const addressForm = /^[\w.!#$%&'*+/=?^`{|}~-]{1,64}@[a-z0-9-]+(?:\.[a-z0-9-]+)*$/i;

/** Reads `id@example.com` or `Name <id@example.com>`; answers what is wrong with it otherwise, after "this value …". */
export function mailSender(text: string): MailSender | string {
  if (/\p{C}/u.test(text)) return 'must not contain control characters';
  const [, name = '', bracketed, plain] = form.exec(text.trim()) ?? [];
  const address = bracketed ?? plain ?? '';
  if (!addressForm.test(address)) return 'must be a mail address: id@example.com or Name <id@example.com>';
  const unquoted = name.replace(/^"(.*)"$/, '$1').trim();
  return unquoted === '' ? { address } : { name: unquoted, address };
}
