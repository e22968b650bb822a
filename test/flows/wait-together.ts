/**
 * Declares a test for each story, by its title. Stories that mostly wait for time to pass wait beside each other: all of them begin
 * when the suite does, and each test tells how its own has ended.
 */
export function waitTogether(stories: Readonly<Record<string, () => Promise<void>>>): void {
  const endings = new Map<string, Promise<void>>();
  before(() => {
    for (const [title, story] of Object.entries(stories)) {
      const ending = story();
      // It is told when it is waited for.
      ending.catch(() => {});
      endings.set(title, ending);
    }
  });
  after(() => Promise.allSettled(endings.values()));
  for (const title of Object.keys(stories)) it(title, () => endings.get(title));
}
