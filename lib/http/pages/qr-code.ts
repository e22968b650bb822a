/** A QR code as one SVG path over `size` × `size` units, with the border that readers need (ISO/IEC 18004 §9.1). */
export interface QrCode {
  size: number;
  path: string;
}

const BORDER = 4;

/** The QR code of a text. Black on white, whatever the page's colours: readers want it so. */
export async function qrCode(text: string): Promise<QrCode> {
  // Few requests need it: imported when the first does.
  const { encode } = await import('uqr');
  const { size, data } = encode(text, { ecc: 'M', border: BORDER });
  const path = data.flatMap((row, y) => row.map((dark, x) => (dark ? `M${x} ${y}h1v1h-1z` : ''))).join('');
  return { size, path };
}
