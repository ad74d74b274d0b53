// The cards of GitLab and GitHub: who is connected where, what each token can do, and what to do when it no longer can.
import * as api from './api.js';
import { $, ask, attempt, button, down, el, empty, icon, keep, link, note, pill, problem, sign, since, skeleton, toast, waitFor } from './dom.js';
import { hostOf } from './address.js';
import { capabilities, stateOf } from './state.js';
import { fact } from './report.js';
import { TITLES, openConnect } from './connect.js';

/** What checks on this page showed, by provider and instance: a status does not know it. */
const probes = new Map();
const shown = {}, latest = {};

const keyOf = (provider, { instanceUrl }) => `${provider} ${instanceUrl}`;

async function check(provider, connection) {
	const key = keyOf(provider, connection), host = hostOf(connection.instanceUrl);
	if (probes.get(key)?.busy) return;
	probes.set(key, { busy: true });
	draw(provider);
	try {
		const answer = await api.accounts[provider].check(connection.instanceUrl);
		probes.set(key, answer.valid ? {} : { failure: answer });
		toast(answer.valid ? 'good' : 'info', answer.valid ? `${host}: the token of @${answer.username} works.` : answer.error);
	} catch (failure) {
		const limited = failure.code === 'rate_limited';
		probes.set(key, limited ? { failure } : {});
		toast(limited ? 'info' : 'bad', failure.message, failure);
	}
	await refresh(provider);
}

async function disconnect(provider, connection) {
	const host = hostOf(connection.instanceUrl);
	if (!await ask(`Disconnect @${connection.username}?`, `The token for ${host} is deleted here; sessions that use it fail at their next git operation.`, 'Disconnect')) return;
	await attempt(api.accounts[provider].disconnect(connection.instanceUrl), () => `Disconnected from ${host}.`);
	await settle(provider, connection);
}

/** What was learned about a connection is about another token now. */
function settle(provider, connection) {
	probes.delete(keyOf(provider, connection));
	return refresh(provider);
}

function expiry({ expiresAt, daysToExpiry: days }) {
	if (!expiresAt) return ['No date known'];
	return [new Date(expiresAt).toLocaleDateString('en-GB', { dateStyle: 'medium', timeZone: 'UTC' }), days <= 0 ? ' · over' : ` · in ${days} ${days === 1 ? 'day' : 'days'}`];
}

const CAN = { true: ['good', 'yes'], false: ['bad', 'no'], null: ['idle', 'found out per repository'] };
const capability = ([name, can]) => el(`li.${CAN[can][0]}`, sign(CAN[can][0]), name, el('span.sr', `: ${CAN[can][1]}`));

function row(provider, { connection, probe }) {
	const { token, username, instanceUrl, warnings, lastCheckedAt, valid } = connection, host = hostOf(instanceUrl), state = stateOf(connection, probe);
	const verb = (label, act, look = '') => button(label, act, `.small${look}`, { 'aria-label': `${label}: @${username} at ${host}` });
	return el('li.part',
		el('div.who', el('span.avatar', { 'aria-hidden': 'true' }, username.slice(0, 2)), el('div', el('b', `@${username}`), link(instanceUrl, host)), pill(state)),
		state.failure && problem(state.failure, waitFor(state.failure, () => settle(provider, connection))),
		el('dl.facts', fact('Token', token.name ?? 'no name known'),
			fact('Scopes', token.scopes.length ? token.scopes.map((scope) => el('code.tag', scope)) : 'not told'), fact('Expires', ...expiry(token))),
		el('ul.can', { 'aria-label': 'What this token can do' }, capabilities(connection).map(capability)),
		valid !== false && warnings.filter(({ code }) => code !== 'token_expiring').map(({ message }) => note(message)),
		el('div.foot', el('span.soft', 'Checked ', lastCheckedAt ? since(lastCheckedAt) : 'never'), el('div.actions',
			verb('Check now', () => check(provider, connection)),
			verb('Replace token', () => openConnect(provider, settle, connection)),
			verb('Disconnect', () => disconnect(provider, connection), '.quiet'))));
}

async function addInstallation(event) {
	await attempt(api.addInstallation(event.target.number.value), ({ account }) => `The App serves the repositories of ${account}.`);
	await refresh('github');
}

async function removeInstallations() {
	if (!await ask('Remove the installations?', 'The App stays installed, but is no longer used for you.', 'Remove')) return;
	await attempt(api.removeInstallations(), () => 'Removed.');
	await refresh('github');
}

const app = ({ installations, active }) => el('div.app.part',
	el('h3.line', 'GitHub App', active === 'app' && pill({ tone: 'good', label: 'In use' })),
	installations.length ? el('ul.plain', installations.map(({ account, installationId, updatedAt }) => el('li.line', icon('github'), el('b', account), el('span.soft', `installation ${installationId}, added `, since(updatedAt)))))
		: el('p.hint', 'Serves your repositories where you have no token.'),
	el('details', el('summary', { 'data-key': 'installation' }, 'Add an installation'),
		el('form.inline', { onsubmit: addInstallation }, el('input', { name: 'number', inputmode: 'numeric', pattern: '[0-9]+', required: '', 'aria-label': 'Number of the installation', placeholder: 'Its number' }), el('button', 'Add'))),
	installations.length > 0 && button('Remove the installations', removeInstallations, '.small'));

function draw(provider) {
	const { status, failure } = shown[provider], body = $(`${provider}-body`), title = TITLES[provider];
	const connections = (provider === 'github' ? status?.pat : status)?.connections ?? [];
	if (!body.querySelector('.accounts')) body.replaceChildren(el('div'), el('ul.accounts'), el('div'));
	const [top, list, rest] = body.children;
	const none = status && !connections.length && empty(null, `No ${title} account is connected`,
		el('p.hint', 'Paste a token once: it is sealed, and used for you alone.'), button(`Connect ${title}`, () => openConnect(provider, settle), '.primary'));
	top.replaceChildren(...[failure && down(failure, () => refresh(provider)), none].filter(Boolean));
	list.hidden = !connections.length;
	$(`${provider}-add`).hidden = list.hidden;
	keep(list, connections.map((connection) => ({ connection, probe: probes.get(keyOf(provider, connection)) })), ({ connection }) => connection.instanceUrl, (each) => row(provider, each));
	if (provider !== 'github' || !status) return;
	$('user').replaceChildren(el('span.sr', 'Signed in as '), status.userId);
	keep(rest, [{ installations: status.installations, active: status.active }], () => 'app', app);
}

export async function refresh(provider) {
	if (!shown[provider]) $(`${provider}-body`).replaceChildren(skeleton());
	const mine = latest[provider] = Symbol();
	const answer = await api.accounts[provider].status().then((status) => ({ status }), (failure) => ({ ...shown[provider], failure }));
	if (mine !== latest[provider]) return;
	shown[provider] = answer;
	draw(provider);
}

export const refreshAll = () => Object.keys(TITLES).forEach(refresh);

for (const provider in TITLES) {
	$(`${provider}-add`).onclick = () => openConnect(provider, settle);
	$(`${provider}-add`).parentElement.prepend(icon(provider, 'mark'));
}
