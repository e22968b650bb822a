// Adds a button that shows the password. The page works without it; the words come from the page.
const password = document.querySelector('#password');

if (password !== null) {
  const button = document.createElement('button');
  button.type = 'button';
  button.className = 'quiet reveal';
  button.setAttribute('aria-controls', password.id);

  const update = (shown) => {
    password.type = shown ? 'text' : 'password';
    button.textContent = shown ? password.dataset.hide : password.dataset.show;
  };
  button.addEventListener('click', () => update(password.type === 'password'));
  // A password that is sent as text would be kept by the browser's form history.
  password.form.addEventListener('submit', () => update(false));

  update(false);
  password.after(button);
}
