import { existsSync } from 'node:fs';
import { registerHooks } from 'node:module';

/**
 * Lets Node run AppAuth's library as it is published: its modules name each other without an extension, which bundlers resolve and Node
 * does not, and its one way to the person is the desktop's browser, in whose place `browse` gets the address. Undone by the function that
 * is returned.
 */
export function prepareAppAuth(browse: (address: string) => void): () => void {
  const desktop =
    'data:text/javascript,export default (address) => globalThis[Symbol.for("appauth.browse")](address)';
  Object.assign(globalThis, { [Symbol.for('appauth.browse')]: browse });
  const hooks = registerHooks({
    resolve(specifier, context, nextResolve) {
      if (context.parentURL?.includes('/@openid/appauth/') !== true) return nextResolve(specifier, context);
      if (specifier === 'opener') return { url: desktop, format: 'module', shortCircuit: true };
      if (!specifier.startsWith('.')) return nextResolve(specifier, context);
      const file = new URL(`${specifier}.js`, context.parentURL);
      return nextResolve(existsSync(file) ? file.href : `${specifier}/index.js`, context);
    },
  });
  return () => hooks.deregister();
}
