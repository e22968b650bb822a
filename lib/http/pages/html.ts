const ENTITIES: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Markup that has been made safe already; the templates print it as it is and escape everything else. */
export class SafeHtml {
  readonly html: string;
  constructor(html: string) {
    this.html = html;
  }
}

/** Makes text safe inside an element and inside a quoted attribute. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ENTITIES[character] as string);
}

/**
 * Text that somebody else chose: escaped, and isolated so that its direction and any bidirectional control
 * characters in it cannot reorder the words around it (Unicode Standard Annex 9, section 2.7).
 */
export function isolatedText(text: string): SafeHtml {
  return new SafeHtml(`<bdi>${escapeHtml(text)}</bdi>`);
}

/**
 * What the templates' `<%= … %>` does with a value.
 * @throws {TypeError} for `undefined` and `null`: a template that prints a value its page does not have is a bug.
 */
export function printValue(value: unknown): string {
  if (value instanceof SafeHtml) return value.html;
  if (value === undefined || value === null) throw new TypeError(`the template prints ${value}`);
  return escapeHtml(String(value));
}

/** The URL if it is absolute and http or https, so that it may be a link; `javascript:` and its kind are not. */
export function webUrl(url: string | undefined): string | undefined {
  const parsed = url === undefined ? null : URL.parse(url);
  return parsed?.protocol === 'https:' || parsed?.protocol === 'http:' ? parsed.href : undefined;
}
