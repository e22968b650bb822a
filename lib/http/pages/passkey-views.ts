/** What a page asks a passkey for. `credential` (JSON) and `csrf` are sent to `action`. */
export interface PasskeyRequestView {
  action: string;
  /** Where the browser gets what to ask for, as JSON, for `csrf`. */
  optionsUrl: string;
  /** The RP ID. */
  rpId: string;
}
