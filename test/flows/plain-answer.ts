/**
 * The headers of an answer as far as two answers are to have the same, and whether the engine gave it: it sends headers for browsers
 * even where none asks, the short way for plain requests (lib/provider/plain) never does.
 */
export function comparableHeaders(headers: Headers): { sent: Record<string, string>; byEngine: boolean } {
  const { date: _date, 'latchkey-reference': _reference, ...sent } = Object.fromEntries(headers);
  const forBrowsers = Object.keys(sent).filter((name) => name.startsWith('access-control-'));
  for (const name of forBrowsers) delete sent[name];
  return { sent, byEngine: forBrowsers.length > 0 };
}
