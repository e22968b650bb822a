import type Koa from 'koa';
import type { PendingInteraction } from '../provider/sign-in/interaction.ts';
import type { UpstreamFailure } from '../upstream/upstream-client.ts';

/** Why nobody was signed in by another provider; `disabled`: the account here may not be used. */
export type UpstreamProblem = UpstreamFailure | 'used' | 'stale' | 'disabled';

/** The pages around sign-in at other providers, drawn by lib/http. The status is the caller's. */
export interface UpstreamPages {
  /** Somebody at another provider who is nobody here yet. `provider`: its name for people. */
  connect(
    ctx: Koa.Context,
    interaction: PendingInteraction,
    state: { provider: string; label: string; formRejected: boolean },
  ): void;
  /** `id`: the provider to try again at. */
  upstreamProblem(
    ctx: Koa.Context,
    interaction: PendingInteraction,
    state: { id: string; provider: string; reason: UpstreamProblem; reference: string | undefined },
  ): void;
}
