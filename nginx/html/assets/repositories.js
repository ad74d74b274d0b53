// The tester of any address, and the project's repositories with their reports.
import * as api from './api.js';
import { $, ask, attempt, button, down, el, empty, icon, keep, pill, problem, skeleton } from './dom.js';
import { checklist, curlBox, facts, verdict, waiting } from './report.js';
import { verdictOf } from './state.js';

let project, testTurn = 0, listTurn = 0;

/** The filled fields of the form are the members of the question. */
const question = () => Object.fromEntries([...new FormData($('tester-form'))].map(([name, value]) => [name, value.trim()]).filter(([, value]) => value));

async function test() {
	const mine = ++testTurn, asked = question();
	let shown;
	$('report').hidden = false;
	$('report').replaceChildren(waiting());
	try {
		const report = await api.validate(project, asked);
		shown = [verdict(report), facts(report), checklist(report.checks), el('div.actions',
			button('Add to the project', () => add(report, asked), report.can.read ? '.primary' : '', { disabled: !report.checks[0].ok }), button('Clear', clear, '.quiet')), curlBox(project, asked)];
	} catch (failure) {
		shown = [problem(failure)];
	}
	if (mine === testTurn) $('report').replaceChildren(...shown);
}

function clear() {
	testTurn++;
	$('report').hidden = true;
	$('tester-form').reset();
	$('address').focus();
}

const bare = ({ url, branch = '' }) => `${url.replace(/(\.git)?\/?$/, '')} ${branch}`;

/** Shows the list that a change left, unless something newer was asked for meanwhile. */
async function change(edit, say) {
	const mine = ++listTurn, where = project, answer = await attempt(api.changeRepositories(where, edit), (given) => say(given, where));
	if (answer && mine === listTurn) draw(answer);
	else if (where === project) refresh();
}

function add({ cloneUrl, provider }, { url, branch }) {
	const entry = { url: cloneUrl ?? url, branch, provider: provider === 'unknown' ? undefined : provider };
	return change((list) => (list.some((each) => bare(each) === bare(entry)) ? null : [...list, entry]),
		(answer, where) => (answer ? `Added to the project ${where}.` : `The project ${where} has this repository already.`));
}

async function remove(entry) {
	if (!await ask('Remove the repository?', `${entry.url} leaves the project ${project}; nothing happens to it.`, 'Remove')) return;
	await change((list) => list.filter((each) => bare(each) !== bare(entry)), () => 'Removed from the project.');
}

function row({ entry, report }) {
	const path = report?.projectPath ?? entry.url.replace(/^https?:\/\/[^/]+\/|\.git$/g, '');
	return el('li', el('details', el('summary', { 'data-key': 'open' }, icon(entry.provider ?? 'repo'),
		el('span.name', el('b', path), el('span.soft', [report?.host, entry.branch].filter(Boolean).join(' · '))), pill(report ? verdictOf(report) : { tone: 'busy', label: 'Checking' })),
	report && [facts(report), checklist(report.checks)], button('Remove', () => remove(entry), '.small', { 'aria-label': `Remove ${path} from the project` })));
}

function draw({ repositories, reports = [] }) {
	const body = $('repositories-body');
	$('repositories-refresh').hidden = !repositories.length;
	if (!repositories.length) return body.replaceChildren(empty('repo', 'No repositories yet', el('p.hint', 'Test an address and add it: sessions that name none take these.')));
	if (!body.querySelector('.rows')) body.replaceChildren(el('ul.rows'));
	keep(body.firstChild, repositories.map((entry, i) => ({ entry, report: reports[i] })), ({ entry }) => bare(entry), row);
}

/** The list first, then what each entry is worth: that asks every server. */
async function refresh() {
	const mine = ++listTurn;
	try {
		for (const query of ['?reports=false', '']) {
			const answer = await api.repositories(project, query);
			if (mine !== listTurn) return;
			draw(answer);
			if (!answer.repositories.length) return;
		}
	} catch (failure) {
		if (mine === listTurn) $('repositories-body').replaceChildren(down(failure, refresh));
	}
}

export function open(name) {
	project = name;
	testTurn++;
	$('report').hidden = true;
	$('repositories-body').replaceChildren(skeleton());
	return refresh();
}

$('tester-form').onsubmit = test;
$('repositories-refresh').onclick = refresh;
