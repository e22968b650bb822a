import type { Apis } from '../../clients/apis.ts';
import type { DetailTypes } from '../../clients/authorization-details.ts';

/**
 * Notices when APIs come to define other types of authorization details: an engine knows the names that there were when it
 * was made. `look` is cheap while no API changes, and never waits nor throws: while the directory is down nothing changes.
 */
export function watchDetailTypes(
  apis: Pick<Apis, 'detailTypes'>,
  begun: DetailTypes,
  changed: () => void,
): { look(): void } {
  let seen = begun;
  let looking = false;
  const namesOf = (types: DetailTypes) => [...types.keys()].sort().join(' ');
  function take(types: DetailTypes): void {
    looking = false;
    const differs = namesOf(types) !== namesOf(seen);
    seen = types;
    if (differs) changed();
  }
  return {
    look() {
      if (looking) return;
      try {
        const present = apis.detailTypes();
        if (present === seen) return;
        looking = true;
        Promise.resolve(present).then(take, () => {
          looking = false;
        });
      } catch {
        looking = false;
      }
    },
  };
}
