import { randomBytes } from 'node:crypto';
import { lchown, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
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
      const owner = await otherOwner(dirname(folder));
      const isNew = (await mkdir(folder, { recursive: true, mode: 0o700 })) !== undefined;
      // Not what a link leads to: whoever the directory belongs to may have put one there meanwhile.
      if (isNew && owner !== undefined) await lchown(folder, owner.uid, owner.gid);
      const name = `${new Date().toISOString().replaceAll(':', '-')}-${randomBytes(4).toString('hex')}`;
      const unfinished = join(folder, `.${name}`);
      const file = await open(unfinished, 'wx', 0o600);
      try {
        await file.writeFile(source as Buffer);
        if (owner !== undefined) await file.chown(owner.uid, owner.gid);
      } finally {
        await file.close();
      }
      await rename(unfinished, join(folder, `${name}.eml`));
      await removeOldest(folder);
    },
    close: () => transport.close(),
  };
}

/** Whom a directory belongs to, where the superuser works in it: what they make there must not shut out the server. SQLite does the same. */
async function otherOwner(directory: string): Promise<{ uid: number; gid: number } | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  // It is made with the outbox where it is not there.
  return await stat(directory).catch(() => undefined);
}

async function removeOldest(folder: string): Promise<void> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.eml')).sort();
  for (const name of names.slice(0, Math.max(0, names.length - KEPT))) {
    // Another process may have removed it already.
    await rm(join(folder, name), { force: true });
  }
}
