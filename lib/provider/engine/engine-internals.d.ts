/** Parts of the engine that it does not publish, as its exact version (package.json) has them. See engine-steps.ts. */
declare module 'oidc-provider/lib/helpers/als.js' {
  import type { AsyncLocalStorage } from 'node:async_hooks';

  const contexts: AsyncLocalStorage<object>;
  export default contexts;
}

declare module 'oidc-provider/lib/actions/token.js' {
  import type { Middleware } from 'koa';

  const steps: Middleware[];
  export default steps;
}

declare module 'oidc-provider/lib/actions/userinfo.js' {
  import type { Middleware } from 'koa';

  const steps: Middleware[];
  export default steps;
}
