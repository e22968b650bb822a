import { randomBytes } from 'node:crypto';
import { mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createTransport } from 'nodemailer';
import { composed } from './composed-mail.ts';
import type { Delivery, Sender } from './mail-message.ts';

/** The most messages that are kept; the oldest go first. */
const KEPT = 1000;

/**
 * Writes each message as an `.eml` file (RFC 5322) that its owner alone can read, for a developer or an operator without a
 * mail server. Names sort by time; a file is there whole or not at all.
 */
export function deliverToOutbox(folder: string, sender: Sender): Delivery {
  const transport = createTransport({
    streamTransport: true,
    buffer: true,
    newline: 'windows',
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  return {
    deliver: async (message) => {
      const { message: source } = await transport.sendMail(composed(message, sender));
      await mkdir(folder, { recursive: true, mode: 0o700 });
      const name = `${new Date().toISOString().replaceAll(':', '-')}-${randomBytes(4).toString('hex')}`;
      const unfinished = join(folder, `.${name}`);
      await writeFile(unfinished, source as Buffer, { mode: 0o600, flag: 'wx' });
      await rename(unfinished, join(folder, `${name}.eml`));
      await removeOldest(folder);
    },
    close: () => transport.close(),
  };
}

async function removeOldest(folder: string): Promise<void> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.eml')).sort();
  for (const name of names.slice(0, Math.max(0, names.length - KEPT))) {
    // Another process may have removed it already.
    await rm(join(folder, name), { force: true });
  }
}
