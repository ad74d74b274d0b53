// The Integrations page: who is signed in and which project is looked at; the rest is in the modules of its cards.
import * as api from './api.js';
import { $, $$, ask, attempt, el, icon, problem } from './dom.js';
import * as accounts from './accounts.js';
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

function enter(project) {
	$('app').hidden = $('project-form').hidden = false;
	$('sign-in').hidden = true;
	$('sign-out').hidden = !api.hasBearer();
	accounts.refreshAll();
	openProject(project || remembered()[0] || 'default');
}

/** The page begins anew: nothing that was shown, or is still to be answered, meets the next user. */
function leave(failure) {
	api.signOut();
	history.replaceState(failure && { ...failure }, '');
	location.reload();
}

/** A link may be a stranger's, who would like tokens connected to his account: it signs in whoever agrees to be that user. */
async function follow(bearer) {
	const { userId } = await attempt(api.accounts.github.status(bearer)) ?? {}, yes = `Continue as ${userId}`;
	if (userId && await ask(`${yes}?`, 'The link signs you in as this user, who gets what you connect here.', yes, 'No', 'primary')) api.signIn(bearer);
}

async function begin() {
	const { bearer, project } = api.takeLink();
	if (bearer) await follow(bearer);
	// Without a bearer, a proxy in front may have signed the user in already: the API tells.
	if (api.hasBearer() || await api.accounts.github.status().catch(({ status }) => status !== 401)) return enter(project);
	if (history.state) $('sign-in-problem').append(problem(history.state));
	$('sign-in').hidden = false;
	$('bearer').focus();
}

addEventListener('acp-signed-out', ({ detail }) => $('app').hidden || leave(detail));
// A link; other fragments, as the skip link's, lead about the page.
addEventListener('hashchange', () => location.hash.includes('=') && location.reload());
document.addEventListener('visibilitychange', () => {
	if (document.hidden || $('app').hidden) return;
	sessions.refresh();
	accounts.refreshAll();
});
// No form leaves the page.
document.addEventListener('submit', (event) => event.target.method === 'dialog' || event.preventDefault());
$('sign-in-form').onsubmit = (event) => {
	api.signIn($('bearer').value);
	event.target.reset();
	enter();
	$('main').focus();
};
$('sign-out').onclick = () => leave();
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
performance.mark('interactive');
begin();
