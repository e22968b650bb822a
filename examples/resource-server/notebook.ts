const MOST_PEOPLE = 1000;
const MOST_NOTES = 50;

/** One note. */
export interface Note {
  text: string;
  /** ISO 8601. */
  written: string;
}

/** Everybody's notes, in memory; the oldest give way. */
export interface Notebook {
  of(person: string): readonly Note[];
  add(person: string, text: string): Note;
}

/** Makes an empty notebook, in which everybody finds a first note. */
export function createNotebook(): Notebook {
  const notes = new Map<string, Note[]>();

  function of(person: string): Note[] {
    const known = notes.get(person);
    if (known !== undefined) return known;
    const [oldest] = notes.keys();
    if (notes.size >= MOST_PEOPLE && oldest !== undefined) notes.delete(oldest);
    const begun = [{ text: 'Welcome to your notes.', written: new Date().toISOString() }];
    notes.set(person, begun);
    return begun;
  }

  return {
    of,
    add(person, text) {
      const note = { text, written: new Date().toISOString() };
      const mine = of(person);
      mine.push(note);
      if (mine.length > MOST_NOTES) mine.shift();
      return note;
    },
  };
}
