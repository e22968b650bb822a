/**
 * Preloaded into the demo's programs: standard input is a pipe from the demo, and ends when the demo does, whatever ended
 * it. No program is left behind by a demo that was killed.
 */
process.stdin.on('error', () => {});
process.stdin.on('close', () => process.kill(process.pid, 'SIGTERM'));
process.stdin.resume();
(process.stdin as unknown as { unref(): void }).unref();
