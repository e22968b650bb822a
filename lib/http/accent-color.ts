/** The accent of an installation that chose none. */
export const DEFAULT_ACCENT_COLOR = '#0f6e68';

/** WCAG 2.2 success criterion 1.4.3: contrast of text with what is behind it. */
const MINIMUM_CONTRAST = 4.5;

/** The surfaces of `views/styles/latchkey.css` on which the accent must be readable as text. */
export const LIGHT_SURFACES = ['#ffffff', '#f2f4f3'] as const;
export const DARK_SURFACES = ['#1b2120', '#111514'] as const;

const WHITE = '#ffffff';
const BLACK = '#000000';

type Rgb = readonly [number, number, number];

/** The accent in one colour scheme: readable as text on the page, and the text colour readable on it. */
export interface Accent {
  accent: string;
  onAccent: string;
}

/**
 * The configured accent for the light and the dark scheme, darkened or lightened as little as needed to be readable,
 * so that no operator's choice makes a button or a link that people cannot read.
 * @throws {Error} when the colour is not `#rrggbb`
 */
export function accentFor(color: string = DEFAULT_ACCENT_COLOR): { light: Accent; dark: Accent } {
  if (!/^#[0-9a-f]{6}$/i.test(color))
    throw new Error(`branding.accent_color must be #rrggbb, not ${JSON.stringify(color)}`);
  return { light: adjusted(color, BLACK, LIGHT_SURFACES), dark: adjusted(color, WHITE, DARK_SURFACES) };
}

/** Contrast ratio of two `#rrggbb` colours, 1 to 21, as WCAG 2.2 defines it. */
export function contrast(one: string, other: string): number {
  const [lighter, darker] = [luminance(parse(one)), luminance(parse(other))].sort((a, b) => b - a) as [
    number,
    number,
  ];
  return (lighter + 0.05) / (darker + 0.05);
}

function adjusted(color: string, towards: string, surfaces: readonly string[]): Accent {
  for (let percent = 0; ; percent += 2) {
    const accent = mix(parse(color), parse(towards), percent / 100);
    if (percent >= 100 || surfaces.every((surface) => contrast(accent, surface) >= MINIMUM_CONTRAST)) {
      return { accent, onAccent: contrast(accent, WHITE) >= contrast(accent, BLACK) ? WHITE : BLACK };
    }
  }
}

function parse(color: string): Rgb {
  const value = Number.parseInt(color.slice(1), 16);
  return [value >> 16, (value >> 8) & 0xff, value & 0xff];
}

function mix(from: Rgb, to: Rgb, share: number): string {
  const channels = from.map((channel, index) =>
    Math.round(channel + ((to[index] as number) - channel) * share),
  );
  return `#${channels.map((channel) => channel.toString(16).padStart(2, '0')).join('')}`;
}

function luminance(color: Rgb): number {
  const [red, green, blue] = color.map((channel) => {
    const share = channel / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  }) as [number, number, number];
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}
