import { spawn } from 'node:child_process';
import type { Socket } from 'node:net';

/**
 * A shell that outlives this process by a moment: its standard input is a pipe from here, and when that ends, whatever
 * ended this process, it kills the processes and removes the folders that it was told of and not told to forget.
 */
const SCRIPT = `
trap '' INT TERM HUP
while read -r word value; do
  case $word in
    keep) kept="$kept $value" ;;
    forget) rest=; for one in $kept; do [ "$one" = "$value" ] || rest="$rest $one"; done; kept=$rest ;;
  esac
done
for one in $kept; do case $one in /*) ;; *) kill -9 "$one" 2>/dev/null ;; esac; done
for one in $kept; do case $one in /*) rm -rf "$one" ;; esac; done
`;

let input: NodeJS.WritableStream | undefined;

function tell(word: 'keep' | 'forget', what: number | string): void {
  if (input === undefined) {
    const guardian = spawn('sh', ['-c', SCRIPT], { stdio: ['pipe', 'ignore', 'ignore'], detached: true });
    guardian.unref();
    (guardian.stdin as Socket).unref();
    input = guardian.stdin;
  }
  input.write(`${word} ${what}\n`);
}

/** Has this process (by its id) killed, or this folder removed, when the tests end without having done so. */
export function guard(what: number | string): void {
  tell('keep', what);
}

/** The process has ended, or the folder is gone. */
export function forget(what: number | string): void {
  tell('forget', what);
}
