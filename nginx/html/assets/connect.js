// The form that connects an account or replaces its token: corrects what is pasted, leads to where tokens are made, tests.
import * as api from './api.js';
import { $, button, el, icon, link, note, pill, problem, toast, waitFor } from './dom.js';
import { correctInstance, hostOf, tokenPages, wrongKind } from './address.js';
import { checklist, waiting } from './report.js';
import { stateOf } from './state.js';

export const TITLES = { gitlab: 'GitLab', github: 'GitHub' };
let provider, done, keepTyped, turn = 0;

/** While typing: what will be used instead, and why; and where a token is made there. */
function correct() {
	const { url, notes, deep } = correctInstance($('instance').value, provider), gitlab = provider === 'gitlab';
	$('instance-note').replaceChildren(...(!keepTyped && url && notes.length
		? [icon('good'), 'Will use ', el('b', url), ` (${notes.join(', ')}). `, deep ? button('Keep as typed', () => { keepTyped = true; correct(); }, '.text') : '']
		: [gitlab ? 'The address you open in the browser.' : 'Left empty: github.com, or what an operator chose.']));
	$('token-links').replaceChildren(...(gitlab && !url ? [] : tokenPages(provider, url).flatMap(([label, href], i) =>
		[i ? ' or ' : '', link(href, i ? label : `${label} on ${url ? hostOf(url) : 'github.com'}`)])));
	return (!keepTyped && url) || $('instance').value.trim();
}

/** What was typed becomes what is used. */
function settle() {
	$('instance').value = correct();
	correct();
}

/** A token of another kind is not sent at all. */
function judge() {
	const kind = wrongKind($('token').value.trim(), provider), words = kind && `This is a ${kind}; a personal access token of ${TITLES[provider]} is needed.`;
	$('token').setCustomValidity(words);
	$('token').ariaInvalid = Boolean(kind);
	$('token-note').replaceChildren(...(kind ? [icon('warn'), ' ', words] : []));
}

const busy = (on) => { $('connect-submit').disabled = $('test').disabled = on; };

const works = (answer) => [el('p.line', pill(stateOf(answer, { good: 'Works' })), `@${answer.username}. Nothing was saved.`), ...answer.warnings.map(({ message }) => note(message)),
	checklist(answer.checks.filter(({ ok }) => ok))];

const refused = (answer) => [problem(answer, waitFor(answer)), checklist((answer.checks ?? []).filter(({ ok }) => ok))];

async function run(verb) {
	const token = $('token'), finish = done, asked = provider, mine = ++turn;
	settle();
	if (!$('connect-form').reportValidity()) return;
	busy(true);
	$('verdict').replaceChildren(waiting(['address', 'provider', 'reachable', 'tls', 'token', 'scopes']));
	let shown;
	try {
		const answer = await api.accounts[asked][verb]($('instance').value, token.value);
		if (verb === 'connect') {
			// After "Cancel", too: what was sent is stored.
			if (mine === turn) $('connect').close();
			toast('good', `Connected to ${hostOf(answer.instanceUrl)} as @${answer.username}.`);
			finish(asked, answer);
			return;
		}
		shown = answer.valid ? works(answer) : refused(answer);
	} catch (failure) {
		shown = refused(failure);
	}
	if (mine !== turn) return;
	busy(false);
	$('verdict').replaceChildren(...shown);
}

/** `whenDone` gets the provider and the connection that was made; `old`: the one whose token is to be replaced. */
export function openConnect(kind, whenDone, old) {
	provider = kind;
	done = whenDone;
	keepTyped = Boolean(old);
	$('connect-title').textContent = old ? `Replace the token of @${old.username}` : `Connect ${TITLES[kind]}`;
	$('connect-lead').textContent = old ? 'The old token stays in use until the new one was found valid.' : 'The token is checked, then sealed, and never shown again.';
	$('instance-label').textContent = kind === 'gitlab' ? 'Instance' : 'Server (optional)';
	$('instance').value = old?.instanceUrl ?? (kind === 'gitlab' ? 'https://gitlab.com' : '');
	$('instance').readOnly = keepTyped;
	$('connect-submit').textContent = old ? 'Replace' : 'Connect';
	$('verdict').replaceChildren();
	correct();
	$('connect').showModal();
	(old ? $('token') : $('instance')).focus();
}

$('instance').oninput = () => {
	keepTyped = false;
	correct();
};
$('instance').onchange = settle;
$('token').oninput = judge;
$('connect-form').onsubmit = () => run('connect');
$('test').onclick = () => run('test');
$('cancel').onclick = () => $('connect').close();
$('connect').onclose = () => {
	turn++;
	busy(false);
	$('connect-form').reset();
	judge();
};
