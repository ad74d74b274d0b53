// The Integrations page: who is signed in and which project is looked at; the rest is in the modules of its cards.
import * as api from './api.js';
import { $, $$, el, icon, problem } from './dom.js';
import * as accounts from './accounts.js';
import * as connect from './connect.js';
import * as repositories from './repositories.js';
import * as sessions from './sessions.js';

/** Projects, the latest first. */
const remembered = () => (localStorage['acp-projects'] ?? '').split(' ').filter(Boolean);

function openProject(name) {
	const names = [name, ...remembered().filter((each) => each !== name)].slice(0, 8);
	localStorage['acp-projects'] = names.join(' ');
	$('projects').replaceChildren(...names.map((value) => el('option', { value })));
	$('project').value = name;
	for (const place of $$('.project-name')) place.textContent = name;
	repositories.open(name);
	sessions.open(name);
}

function show(signedIn) {
	$('app').hidden = $('project-form').hidden = !signedIn;
	$('sign-in').hidden = signedIn;
	$('sign-out').hidden = !signedIn || !api.hasBearer();
}

function enter(project) {
	show(true);
	accounts.refreshAll();
	openProject(project || remembered()[0] || 'default');
}

function leave(failure) {
	$('sign-in-problem').replaceChildren(...(failure && api.hasBearer() ? [problem(failure)] : []));
	api.signOut();
	sessions.close();
	accounts.forget();
	for (const dialog of $$('dialog')) dialog.close();
	show(false);
	$('bearer').focus();
}

/** Without a bearer, a proxy in front may have signed the user in already: the API tells. */
async function begin() {
	const project = api.takeLink();
	try {
		if (!api.hasBearer()) await api.accounts.gitlab.status();
	} catch (failure) {
		if (failure.status === 401) return; // leave() has shown the form
	}
	enter(project);
}

addEventListener('acp-signed-out', ({ detail }) => $('sign-in').hidden && leave(detail));
addEventListener('hashchange', begin);
document.addEventListener('visibilitychange', () => {
	if (document.hidden || $('app').hidden) return;
	sessions.refresh();
	accounts.refreshAll();
});
$('sign-in-form').onsubmit = (event) => {
	event.preventDefault();
	api.signIn($('bearer').value);
	event.target.reset();
	enter();
	$('main').focus();
};
$('sign-out').onclick = () => leave();
$('project-form').onsubmit = (event) => event.preventDefault();
$('project').onchange = () => $('project').value.trim() && openProject($('project').value.trim());

for (const field of $$('input')) Object.assign(field, { autocomplete: 'off', autocapitalize: 'none', spellcheck: false });
for (const field of $$('[type=password]')) {
	const show = (visible) => {
		eye.ariaPressed = visible;
		field.type = visible ? 'text' : 'password';
	};
	const eye = el('button.eye.quiet', { type: 'button', 'aria-label': 'Show the token', onclick: () => show(field.type === 'password') }, icon('look'));
	field.after(eye);
	field.form.onreset = () => show(false);
}
for (const part of [accounts, connect, repositories]) part.start();
performance.mark('interactive');
begin();
