/** Contenders as they are named on the command line and in the report. */
import type { ContenderSpecification } from './contender.ts';

/** Sets of contenders that are often wanted, by name. */
export const comparisons: Readonly<Record<string, string>> = {
  stores: 'latchkey,latchkey:redis,latchkey:workers=2,latchkey:redis:workers=2',
  workers: 'latchkey,latchkey:workers=2',
  shares: [
    ...['latchkey:share=40', 'latchkey:workers=2:share=40'],
    ...['latchkey:redis:share=40', 'latchkey:redis:workers=2:share=40'],
  ].join(','),
  sweeping: 'latchkey,latchkey:expired=1000000',
  growth: 'latchkey:grants=1000,latchkey:grants=1000000',
  'growth-redis': 'latchkey:redis:grants=1000,latchkey:redis:grants=1000000',
};

/** What `name` says; a sentence when it says nothing that is known. `workers` counts where it names none. */
export function parseContender(name: string, workers: number): ContenderSpecification | string {
  const [kind, ...traits] = name.split(':');
  const plain = { store: 'sqlite', grants: 0, expired: 0, share: 0 } as const;
  if (kind === 'bare' && traits.length === 0) return { ...plain, kind, workers: 1 };
  if (kind !== 'latchkey') return `unknown ${name}; known are bare and latchkey`;
  const contender: ContenderSpecification = { ...plain, kind, workers };
  for (const trait of traits) {
    const [, key, number] = /^(workers|grants|expired|share)=([1-9]\d{0,7})$/.exec(trait) ?? [];
    if (trait === 'redis') contender.store = 'redis';
    else if (key === 'workers' || key === 'grants' || key === 'expired' || key === 'share')
      contender[key] = Number(number);
    else return `unknown ${trait} of ${name}; known are redis, workers=N, grants=N, expired=N, share=N`;
  }
  return contender;
}

/** The name of a contender in the report. */
export function contenderLabel({
  kind,
  store,
  workers,
  grants,
  expired,
  share,
}: ContenderSpecification): string {
  return [
    kind,
    ...(store === 'redis' ? ['redis'] : []),
    ...(workers > 1 ? [`workers=${workers}`] : []),
    ...(grants > 0 ? [`grants=${grants}`] : []),
    ...(expired > 0 ? [`expired=${expired}`] : []),
    ...(share > 0 ? [`share=${share}`] : []),
  ].join(':');
}
