import type { Apis } from '../../clients/apis.ts';
import { type AuthorizationDetail, describeDetail } from '../../clients/authorization-details.ts';
import type { ConsentDetails } from './sign-in-views.ts';

/** Authorization details (RFC 9396) in words, by API. One whose type an API has given up meanwhile is named by the type. */
export async function describeDetails(
  apis: Pick<Apis, 'detailTypes' | 'find'>,
  details: ReadonlyArray<AuthorizationDetail>,
): Promise<ConsentDetails[]> {
  if (details.length === 0) return [];
  const types = await apis.detailTypes();
  const byApi = new Map<string, ConsentDetails>();
  for (const detail of details) {
    const known = types.get(detail.type);
    const identifier = known?.api ?? '';
    const view = byApi.get(identifier) ?? {
      api: (await apis.find(identifier))?.name ?? identifier,
      texts: [],
    };
    view.texts.push(known === undefined ? { en: detail.type } : describeDetail(known.definition, detail));
    byApi.set(identifier, view);
  }
  return [...byApi.values()];
}
