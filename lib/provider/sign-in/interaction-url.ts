/**
 * The address of an interaction, or of one of its steps. It names the application, so that the page can still tell
 * where to begin anew when the interaction is over.
 */
export function interactionUrl(uid: string, clientId: string, step?: string): string {
  return `/interaction/${uid}${step === undefined ? '' : `/${step}`}?client_id=${encodeURIComponent(clientId)}`;
}
