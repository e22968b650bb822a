/**
 * Finds the form in a served page that a browser would submit by pressing a given control. It reads the regular HTML
 * that server-rendered pages are made of; it is no general HTML parser.
 */
export interface HtmlForm {
  method: string;
  /** As written; '' when the form is to be sent to the page's own address. */
  action: string;
  /** Every hidden field, and the pressed button's own name and value if it has them. */
  fields: Map<string, string>;
}

type Attributes = Map<string, string>;

const attributePattern = /([^\s"'<>/=]+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'=<>`]+)))?/g;
const entities: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

function decodeEntities(text: string): string {
  return text.replace(/&(?:#x([0-9a-f]+)|#(\d+)|([a-z]+));/gi, (whole, hexadecimal, decimal, name) => {
    if (hexadecimal) return String.fromCodePoint(Number.parseInt(hexadecimal, 16));
    if (decimal) return String.fromCodePoint(Number(decimal));
    return entities[name] ?? whole;
  });
}

function attributesOf(text: string): Attributes {
  const attributes: Attributes = new Map();
  for (const [, name = '', double, single, bare] of text.matchAll(attributePattern)) {
    attributes.set(name.toLowerCase(), decodeEntities(double ?? single ?? bare ?? ''));
  }
  return attributes;
}

/**
 * The form that the control with this `id`, or else this `name`, submits: the one around it or the one named by its
 * `form` attribute. `undefined` when the page has no such control or it belongs to no form.
 */
export function findForm(page: string, control: string): HtmlForm | undefined {
  const controls = [...page.matchAll(/<(?:input|button)\b([^>]*)>/gi)].map((match) => ({
    index: match.index,
    attributes: attributesOf(match[1] ?? ''),
  }));
  const pressed =
    controls.find(({ attributes }) => attributes.get('id') === control) ??
    controls.find(({ attributes }) => attributes.get('name') === control);
  if (!pressed) {
    return undefined;
  }
  const ownedBy = pressed.attributes.get('form');
  for (const match of page.matchAll(/<form\b([^>]*)>([\s\S]*?)<\/form>/gi)) {
    const attributes = attributesOf(match[1] ?? '');
    const end = match.index + match[0].length;
    const around = (index: number) => index > match.index && index < end;
    if (ownedBy === undefined ? around(pressed.index) : attributes.get('id') === ownedBy) {
      const fields = new Map<string, string>();
      for (const candidate of controls) {
        if (candidate.attributes.get('type') === 'hidden' && around(candidate.index)) {
          fields.set(candidate.attributes.get('name') ?? '', candidate.attributes.get('value') ?? '');
        }
      }
      const name = pressed.attributes.get('name');
      if (
        name !== undefined &&
        pressed.attributes.get('type') !== 'text' &&
        pressed.attributes.has('value')
      ) {
        fields.set(name, pressed.attributes.get('value') ?? '');
      }
      return {
        method: (attributes.get('method') ?? 'get').toLowerCase(),
        action: pressed.attributes.get('formaction') ?? attributes.get('action') ?? '',
        fields,
      };
    }
  }
  return undefined;
}
