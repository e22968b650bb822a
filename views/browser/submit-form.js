// Sends the form that only passes on what the browser brought along. Without this script its button does. Where the page is
// shown as a picture of itself, at another address than the one that it stands for, nothing is sent.
const form = document.querySelector('form[data-submit-at-once]');

if (form !== null && new URL(form.action).pathname === location.pathname) form.submit();
