// Two quick clicks on a button send its form once: the browser would show the second answer, and what the first one shows is shown once, or leads
// elsewhere. The server takes a form that comes twice; this spares people that answer. A later click, as after a lost connection, is sent.
const TOO_QUICK_MILLISECONDS = 2000;
let last;

addEventListener('submit', (event) => {
  if (event.defaultPrevented) return;
  const { submitter, timeStamp } = event;
  if (last?.submitter === submitter && timeStamp - last.timeStamp < TOO_QUICK_MILLISECONDS)
    event.preventDefault();
  else last = { submitter, timeStamp };
});
// Back on the page, which the browser may have kept as it was left.
addEventListener('pageshow', () => {
  last = undefined;
});
