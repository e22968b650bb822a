/** The accent of an installation that chose none. */
const DEFAULT_ACCENT_COLOR = '#0f6e68';

/** WCAG 2.2 success criterion 1.4.3 asks for 4.5 between text and what is behind it; on dark, a little more reads calmer. */
const MINIMUM_CONTRAST = { light: 4.5, dark: 6 } as const;

/** The surfaces of `views/styles/latchkey.css` on which the accent must be readable as text. */
export const LIGHT_SURFACES = ['#ffffff', '#f2f4f3', '#f5f7f6'] as const;
export const DARK_SURFACES = ['#1b2120', '#111514', '#222a28'] as const;

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
  return {
    light: adjusted(color, -1, LIGHT_SURFACES, MINIMUM_CONTRAST.light),
    dark: adjusted(color, 1, DARK_SURFACES, MINIMUM_CONTRAST.dark),
  };
}

/** Contrast ratio of two `#rrggbb` colours, 1 to 21, as WCAG 2.2 defines it. */
export function contrast(one: string, other: string): number {
  const [lighter, darker] = [luminance(parse(one)), luminance(parse(other))].sort((a, b) => b - a) as [
    number,
    number,
  ];
  return (lighter + 0.05) / (darker + 0.05);
}

/** Moves the lightness a step at a time, which keeps hue and saturation; black and white are always readable. */
function adjusted(color: string, step: -1 | 1, surfaces: readonly string[], minimum: number): Accent {
  const { hue, saturation, lightness } = hslOf(parse(color));
  for (let moved = lightness; ; moved += step) {
    const accent =
      moved === lightness ? color.toLowerCase() : hexOf(hue, saturation, Math.min(100, Math.max(0, moved)));
    if (
      (step < 0 ? moved <= 0 : moved >= 100) ||
      surfaces.every((surface) => contrast(accent, surface) >= minimum)
    ) {
      return { accent, onAccent: contrast(accent, WHITE) >= contrast(accent, BLACK) ? WHITE : BLACK };
    }
  }
}

function parse(color: string): Rgb {
  const value = Number.parseInt(color.slice(1), 16);
  return [value >> 16, (value >> 8) & 0xff, value & 0xff];
}

/** Hue in degrees, saturation and lightness in percent (CSS Color 4 section 7.1). */
function hslOf(color: Rgb): { hue: number; saturation: number; lightness: number } {
  const [red, green, blue] = color.map((channel) => channel / 255) as [number, number, number];
  const highest = Math.max(red, green, blue);
  const lowest = Math.min(red, green, blue);
  const lightness = (highest + lowest) / 2;
  const range = highest - lowest;
  if (range === 0) return { hue: 0, saturation: 0, lightness: lightness * 100 };
  const sector =
    highest === red
      ? (green - blue) / range + 6
      : highest === green
        ? (blue - red) / range + 2
        : (red - green) / range + 4;
  return {
    hue: (sector * 60) % 360,
    saturation: (range / (1 - Math.abs(2 * lightness - 1))) * 100,
    lightness: lightness * 100,
  };
}

function hexOf(hue: number, saturation: number, lightness: number): string {
  const strength = (saturation / 100) * Math.min(lightness / 100, 1 - lightness / 100);
  const channel = (offset: number): string => {
    const position = (offset + hue / 30) % 12;
    const share = lightness / 100 - strength * Math.max(-1, Math.min(position - 3, 9 - position, 1));
    return Math.round(share * 255)
      .toString(16)
      .padStart(2, '0');
  };
  return `#${channel(0)}${channel(8)}${channel(4)}`;
}

function luminance(color: Rgb): number {
  const [red, green, blue] = color.map((channel) => {
    const share = channel / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  }) as [number, number, number];
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}
