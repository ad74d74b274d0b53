// The project's sessions: how far they are, what came out, and where.
import * as api from './api.js';
import { $, ask, attempt, button, down, el, empty, icon, keep, link, note, pill, problem, since, skeleton } from './dom.js';
import { STEPS, hasEnded, stateOfPhase, stepsOf, wordsOf } from './state.js';

const SOON_MS = 1500, LATER_MS = 20000;
let project, timer, turn = 0, most = 20;

const SAID = { done: 'done', now: 'now', bad: 'failed', idle: 'to do' };
const track = (status) => el('ol.track', { 'aria-label': 'Progress' }, stepsOf(status).map((state, i) => el(`li.${state}`, STEPS[i], el('span.sr', `: ${SAID[state]}`))));

const STAGES = { receiving: ['Receiving', 'objects'], resolving: ['Resolving', 'deltas'], checkout: ['Writing', 'files'] };

function progress({ name, phase, progress: { stage, done, total, bytes: size } = {} }) {
	const [verb, unit] = STAGES[stage] ?? [];
	if (!verb || phase !== 'Cloning') return null;
	return el('div.line', el('progress', { max: total || 1, value: done, 'aria-label': `${verb} ${name}` }),
		el('span.soft', `${verb} ${done.toLocaleString('en')} of ${total.toLocaleString('en')} ${unit}${size ? `, ${size.toLocaleString('en', { notation: 'compact', style: 'unit', unit: 'byte' })}` : ''}`));
}

/** One that is there has a number. */
const mergeRequest = ({ provider, mergeRequestUrl: url }) => url
	&& link(url, /(?<!new)\/\d+$/.test(url) ? 'See' : 'Open', provider === 'github' ? ' pull request' : ' merge request');

const repositoryRow = (repository) => el('li', el('div.line', icon(repository.provider ?? 'repo'), el('b', repository.name),
	repository.branch && el('span', icon('branch'), ' ', link(repository.branchUrl, el('code', repository.branch))),
	mergeRequest(repository), el('span.soft', wordsOf(repository.phase))),
progress(repository), [repository.error, repository.mergeRequestError].map((error) => error && problem(error)));

async function push(name) {
	await attempt(api.pushSession(project, name), ({ message }) => message);
	await refresh();
}

async function remove(name) {
	if (!await ask(`Delete the session ${name}?`, 'Its workspace goes. What was pushed stays.', 'Delete')) return;
	await attempt(api.removeSession(project, name), ({ message }) => message);
	await refresh();
}

function row({ metadata: { name, creationTimestamp }, spec, status }) {
	const { phase, message, repositories = [], conditions = [] } = status;
	const kept = conditions.some((each) => each.type === 'WorkKept' && each.status === 'True');
	const verb = kept ? 'Push again' : 'Push now';
	const told = phase === 'Completed' || repositories.some(({ error }) => error);
	return el('li.session.part', el('div.line', el('h3', name), pill(stateOfPhase(phase)), el('span.soft', since(creationTimestamp)), el('div.actions',
		(phase === 'Running' || kept) && button(verb, () => push(name), '.small', { 'aria-label': `${verb}: ${name}` }),
		button('Delete', () => remove(name), '.small.quiet', { 'aria-label': `Delete the session ${name}` }))),
	el('p.hint', spec.description ?? spec.initialPrompt ?? ''), track(status), el('ul.plain', repositories.map(repositoryRow)),
	message && !told && note(message));
}

function draw(items) {
	const body = $('sessions-body'), sorted = items.sort((one, other) => other.metadata.creationTimestamp.localeCompare(one.metadata.creationTimestamp));
	if (!items.length) return body.replaceChildren(empty('branch', 'No sessions yet', el('p.hint', 'The platform starts them, or "acp-gitlab session create".')));
	if (!body.querySelector('.sessions')) body.replaceChildren(el('ul.sessions'), button('Show more', () => { most += 20; refresh(); }));
	keep(body.firstChild, sorted.slice(0, most), ({ metadata }) => metadata.uid, row);
	body.lastChild.hidden = items.length <= most;
}

export async function refresh() {
	const mine = ++turn;
	clearTimeout(timer);
	try {
		const { items } = await api.sessions(project);
		if (mine !== turn) return;
		draw(items);
		timer = setTimeout(() => document.hidden || refresh(), items.every(({ status }) => hasEnded(status)) ? LATER_MS : SOON_MS);
	} catch (failure) {
		if (mine === turn) $('sessions-body').replaceChildren(down(failure, refresh));
	}
}

export function open(name) {
	project = name;
	most = 20;
	$('sessions-body').replaceChildren(skeleton());
	return refresh();
}
