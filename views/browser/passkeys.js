// Sign-in by passkey, and making one: fills the page's own form with what the authenticator answered, and sends it. Without
// this script, or where the browser knows no passkeys, the form stays hidden. The words come from the page.
const form = document.querySelector('form[data-passkey]');

// By hand: the browsers' own conversions are young, and answers of password managers do not all have them.
const bytesOf = (text) =>
  Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), (letter) => letter.charCodeAt(0));
const textOf = (buffer) => {
  const letters = Array.from(new Uint8Array(buffer), (byte) => String.fromCharCode(byte));
  return btoa(letters.join('')).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
};
const descriptorsOf = (descriptors = []) => descriptors.map((each) => ({ ...each, id: bytesOf(each.id) }));

/** The options of the server, as the browser wants them. */
function readOptions(options) {
  const { challenge, user, allowCredentials, excludeCredentials } = options;
  return {
    ...options,
    challenge: bytesOf(challenge),
    ...(user === undefined ? {} : { user: { ...user, id: bytesOf(user.id) } }),
    ...(allowCredentials === undefined ? {} : { allowCredentials: descriptorsOf(allowCredentials) }),
    ...(excludeCredentials === undefined ? {} : { excludeCredentials: descriptorsOf(excludeCredentials) }),
  };
}

/** The authenticator's answer, as the server wants it. */
function writeCredential({ id, rawId, type, response }) {
  const buffers = ['clientDataJSON', 'authenticatorData', 'signature', 'userHandle', 'attestationObject']
    .filter((name) => response[name] instanceof ArrayBuffer && response[name].byteLength > 0)
    .map((name) => [name, textOf(response[name])]);
  const transports = response.getTransports?.();
  return JSON.stringify({
    id,
    rawId: textOf(rawId),
    type,
    response: { ...Object.fromEntries(buffers), ...(transports === undefined ? {} : { transports }) },
    clientExtensionResults: {},
  });
}

let asking;

/** Asks the authenticator, in place of what was asked before, and sends its answer. */
async function ask(mediation) {
  asking?.abort();
  asking = new AbortController();
  const { signal } = asking;
  // A page that is out of date, by its form's token or its person, shows before anybody is asked.
  const body = new URLSearchParams({ csrf: form.elements.csrf.value });
  const response = await fetch(form.dataset.options, { method: 'POST', body, redirect: 'manual', signal });
  if (!response.ok) throw new DOMException('the page is out of date', 'DataError');
  const options = await response.json();
  // A challenge grows old while the page waits for somebody to choose a passkey.
  if (mediation === 'conditional') setTimeout(() => signal.aborted || waitForChoice(), options.timeout * 0.8);
  const publicKey = readOptions(options);
  const credential =
    form.dataset.passkey === 'create'
      ? await navigator.credentials.create({ publicKey, signal })
      : await navigator.credentials.get({ publicKey, signal, mediation });
  if (credential === null || signal.aborted) return;
  form.elements.credential.value = writeCredential(credential);
  form.submit();
}

/** Offers passkeys among what the browser fills in by itself. */
async function waitForChoice() {
  if (form.dataset.passkey !== 'get' || form.dataset.conditional === undefined) return;
  if ((await PublicKeyCredential.isConditionalMediationAvailable?.()) !== true) return;
  // Whatever goes wrong: nobody asked for it, and the button is there.
  ask('conditional').catch(() => {});
}

function tell(id) {
  for (const words of form.querySelectorAll('[data-outcome]')) words.hidden = words.dataset.outcome !== id;
}

async function askNow() {
  tell('');
  try {
    await ask('optional');
  } catch (error) {
    if (error.name === 'AbortError') return;
    // The page itself tells what has become of it.
    if (error.name === 'DataError') location.reload();
    tell(error.name === 'InvalidStateError' ? 'known' : 'cancelled');
    waitForChoice();
  }
}

if (form !== null && globalThis.PublicKeyCredential !== undefined) {
  form.hidden = false;
  document.querySelector('[data-without-passkeys]')?.setAttribute('hidden', '');
  form.querySelector('button').addEventListener('click', (event) => {
    event.preventDefault();
    askNow();
  });
  // Back from the next page, as it was left: what was asked then is over.
  addEventListener('pageshow', (event) => event.persisted && waitForChoice());
  waitForChoice();
}

// What this server knows of the person's passkeys, for authenticators that keep theirs in step with it.
for (const { dataset } of document.querySelectorAll('[data-passkey-signals]')) {
  for (const [signal, details] of Object.entries(JSON.parse(dataset.passkeySignals))) {
    globalThis.PublicKeyCredential?.[signal]?.(details).catch(() => {});
  }
}
