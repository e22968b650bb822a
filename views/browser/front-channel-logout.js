// Goes on to where the application wants its people after a logout, when the hidden frames have told the others of it, or
// have had their time. The link does the same for whoever comes first, and without this script.
const onward = document.querySelector('#continue');
const PATIENCE_MILLISECONDS = 5000;

if (onward !== null) {
  const goOn = () => location.assign(onward.href);
  addEventListener('load', goOn, { once: true });
  setTimeout(goOn, PATIENCE_MILLISECONDS);
}
