import type { MailMessage, Sender } from './mail-message.ts';

const LINE_BREAKS = /[\r\n\u0085\u2028\u2029]+/g;

/**
 * A message as nodemailer takes it. Addresses go as objects, which it never parses, and the subject is one line: nothing
 * that a person or an application chose can begin another header (CWE-93). `Auto-Submitted` (RFC 3834 section 5) keeps
 * vacation replies away.
 */
export function composed(message: MailMessage, sender: Sender) {
  return {
    from: sender,
    to: { name: '', address: message.to },
    subject: message.subject.replace(LINE_BREAKS, ' ').trim(),
    text: message.text,
    html: message.html,
    headers: { 'Auto-Submitted': 'auto-generated', 'X-Auto-Response-Suppress': 'All' },
  };
}
