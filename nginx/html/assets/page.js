// The Integrations page: signs in, shows the connected GitLab accounts, connects, tests and disconnects.
import * as api from './api.js';

const $ = (id) => document.getElementById(id);

function notice(kind, text, more = '') {
	const box = $('notice');
	box.className = `notice ${kind}`;
	box.replaceChildren(text);
	if (more) {
		const small = document.createElement('small');
		small.textContent = more;
		box.append(small);
	}
	box.hidden = false;
}

function failed(error) {
	if (error.status === 401) {
		api.signOut();
		show();
	}
	notice('bad', error.message, error.remediation);
}

function element(name, className, ...children) {
	const made = document.createElement(name);
	if (className) made.className = className;
	made.append(...children);
	return made;
}

function stateOf(connection) {
	if (!connection.valid) return ['bad', 'Token no longer accepted'];
	const days = connection.token.daysToExpiry;
	if (days !== null && days !== undefined && days <= 14) return ['warn', `Expires in ${days} ${days === 1 ? 'day' : 'days'}`];
	if (!connection.token.canPush) return ['warn', 'Connected, cannot push'];
	return ['good', 'Connected'];
}

function row(connection) {
	const [kind, words] = stateOf(connection);
	const disconnect = element('button', 'quiet', 'Disconnect');
	disconnect.type = 'button';
	disconnect.setAttribute('aria-label', `Disconnect ${connection.username} at ${connection.instanceUrl}`);
	disconnect.addEventListener('click', () => confirmDisconnect(connection));
	const facts = [connection.token.name, connection.token.scopes?.join(' '),
		connection.token.expiresAt && `until ${connection.token.expiresAt}`].filter(Boolean).join(' · ');
	const warnings = (connection.warnings ?? []).map((warning) => element('div', '', warning.message));
	return element('li', '',
		element('div', 'who', `@${connection.username} `, element('span', `state ${kind}`, words)),
		element('div', 'facts', element('div', '', connection.instanceUrl), element('div', '', facts), ...warnings),
		disconnect);
}

function confirmDisconnect(connection) {
	const dialog = $('confirm');
	$('confirm-text').textContent = `Disconnect @${connection.username} at ${connection.instanceUrl}? Sessions that use this account will fail at their next git operation.`;
	dialog.returnValue = 'no';
	dialog.onclose = async () => {
		if (dialog.returnValue !== 'yes') return;
		try {
			const answer = await api.gitlab.disconnect(connection.instanceUrl);
			notice('good', answer.message);
			await refresh();
		} catch (error) {
			failed(error);
		}
	};
	dialog.showModal();
}

async function refresh() {
	try {
		const status = await api.gitlab.status();
		$('connections').replaceChildren(...(status.connections ?? []).map(row));
		$('gitlab-loading').textContent = 'No account is connected yet.';
		$('gitlab-loading').hidden = status.connected;
	} catch (error) {
		$('gitlab-loading').textContent = 'The connections could not be loaded.';
		$('gitlab-loading').hidden = false;
		failed(error);
	}
}

async function withForm(button, action) {
	const buttons = $('connect-form').querySelectorAll('button');
	buttons.forEach((each) => { each.disabled = true; });
	notice('', button.id === 'test' ? 'Testing…' : 'Connecting…');
	try {
		await action($('instance').value.trim(), $('token').value);
	} catch (error) {
		failed(error);
	} finally {
		buttons.forEach((each) => { each.disabled = false; });
	}
}

async function connect(instance, token) {
	const answer = await api.gitlab.connect(instance, token);
	$('token').value = '';
	notice('good', `${answer.message} as @${answer.username}.`, (answer.warnings ?? []).map((warning) => warning.message).join(' '));
	await refresh();
}

async function test(instance, token) {
	const answer = await api.gitlab.test(instance, token);
	if (answer.valid) notice('good', `The token works: @${answer.username}. Nothing was saved.`, (answer.warnings ?? []).map((warning) => warning.message).join(' '));
	else notice('bad', answer.error, answer.remediation);
}

function updateTokenLink() {
	try {
		const link = new URL($('instance').value);
		link.pathname = `${link.pathname.replace(/\/+$/, '')}/-/user_settings/personal_access_tokens`;
		link.search = '?name=Ambient+Code+Platform&scopes=api,write_repository';
		$('token-link').href = link.href;
	} catch {
		// Not an address yet; the link stays as it was.
	}
}

function show() {
	const signedIn = api.signedIn();
	$('sign-in').hidden = signedIn;
	$('sign-out').hidden = !signedIn;
	$('gitlab').hidden = !signedIn;
	if (signedIn) refresh();
	else $('bearer').focus();
}

api.takeBearerFromLink();
$('sign-in-form').addEventListener('submit', (event) => {
	event.preventDefault();
	api.signIn($('bearer').value);
	$('bearer').value = '';
	$('notice').hidden = true;
	show();
});
$('sign-out').addEventListener('click', () => {
	api.signOut();
	show();
});
$('instance').addEventListener('input', updateTokenLink);
$('connect-form').addEventListener('submit', (event) => {
	event.preventDefault();
	withForm(event.submitter ?? $('connect-form').querySelector('button'), connect);
});
$('test').addEventListener('click', (event) => {
	if ($('connect-form').reportValidity()) withForm(event.currentTarget, test);
});
updateTokenLink();
show();
