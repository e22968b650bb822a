// The frame of OpenID Connect Session Management: an application that embeds it asks, by `postMessage`, whether the session is
// still the one that its answer came from. Written for old browsers too, and without promises: the answer is given at once.

const ROUND_CONSTANTS = [];
const INITIAL_HASH = [];

/** The first 32 bits of the fractional part. */
function fraction(number) {
  return ((number - Math.floor(number)) * 4294967296) | 0;
}

// SHA-256 takes its constants from the roots of the first primes (FIPS 180-4 §4.2.2, §5.3.3).
for (let candidate = 2; ROUND_CONSTANTS.length < 64; candidate += 1) {
  let prime = true;
  for (let divisor = 2; divisor * divisor <= candidate; divisor += 1) {
    if (candidate % divisor === 0) prime = false;
  }
  if (prime) {
    if (INITIAL_HASH.length < 8) INITIAL_HASH.push(fraction(candidate ** (1 / 2)));
    ROUND_CONSTANTS.push(fraction(candidate ** (1 / 3)));
  }
}

function rotate(word, bits) {
  return (word >>> bits) | (word << (32 - bits));
}

/** SHA-256 of a text of ASCII characters, in hexadecimal. Not of `crypto.subtle`: where that is, it answers later. */
function sha256(text) {
  const words = [];
  for (let index = 0; index < text.length; index += 1) {
    words[index >> 2] = (words[index >> 2] || 0) | (text.charCodeAt(index) << (24 - (index % 4) * 8));
  }
  words[text.length >> 2] = (words[text.length >> 2] || 0) | (0x80 << (24 - (text.length % 4) * 8));
  const last = (((text.length + 8) >> 6) + 1) * 16 - 1;
  words[last] = text.length * 8;
  const hash = INITIAL_HASH.slice();
  for (let block = 0; block < last; block += 16) {
    const schedule = [];
    let state = hash.slice();
    for (let round = 0; round < 64; round += 1) {
      if (round < 16) {
        schedule[round] = words[block + round] | 0;
      } else {
        const early = schedule[round - 15];
        const late = schedule[round - 2];
        const first = rotate(early, 7) ^ rotate(early, 18) ^ (early >>> 3);
        const second = rotate(late, 17) ^ rotate(late, 19) ^ (late >>> 10);
        schedule[round] = (schedule[round - 16] + first + schedule[round - 7] + second) | 0;
      }
      const [a, b, c, d, e, f, g, h] = state;
      const choice = (e & f) ^ (~e & g);
      const majority = (a & b) ^ (a & c) ^ (b & c);
      const one = h + (rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)) + choice;
      const added = (one + ROUND_CONSTANTS[round] + schedule[round]) | 0;
      const two = ((rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)) + majority) | 0;
      state = [(added + two) | 0, a, b, c, (d + added) | 0, e, f, g];
    }
    for (let index = 0; index < 8; index += 1) hash[index] = (hash[index] + state[index]) | 0;
  }
  return hash.map((word) => `0000000${(word >>> 0).toString(16)}`.slice(-8)).join('');
}

/** The browser's state at the provider: what its cookie says now. */
function browserState() {
  const name = `${document.body.getAttribute('data-cookie')}=`;
  const pairs = document.cookie.split('; ');
  for (let index = 0; index < pairs.length; index += 1) {
    if (pairs[index].indexOf(name) === 0) return pairs[index].slice(name.length);
  }
  return '';
}

window.addEventListener('message', (event) => {
  // Client id, a space, digest, a dot, salt: nothing else is looked at.
  const parts = /^([\x21-\x7e]+) ([0-9a-f]{64})\.([\w-]+)$/.exec(String(event.data));
  const state = browserState();
  let answer = 'error';
  if (parts !== null) {
    const expected = sha256(`${parts[1]} ${event.origin} ${state} ${parts[3]}`);
    answer = state !== '' && expected === parts[2] ? 'unchanged' : 'changed';
  }
  if (event.source) event.source.postMessage(answer, event.origin === 'null' ? '*' : event.origin);
});
