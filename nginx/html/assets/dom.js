// Making and keeping elements: no string of HTML anywhere, so nothing that came from outside can become markup.

import { stageOf } from './state.js';

export const $ = (id) => document.getElementById(id);
export const $$ = (css) => document.querySelectorAll(css);

/** el('a.link', { href, onclick }, 'text', child): attributes may be left out; null, undefined and false are. */
export function el(spec, ...rest) {
	const [name, ...classes] = spec.split('.'), made = document.createElement(name);
	const attributes = rest[0]?.constructor === Object ? rest.shift() : {};
	made.className = classes.join(' ');
	for (const [key, value] of Object.entries(attributes)) {
		if (key.startsWith('on')) made.addEventListener(key.slice(2), value);
		else if ((value ?? false) !== false) made.setAttribute(key, value);
	}
	made.append(...rest.flat(2).filter((child) => child ?? false));
	return made;
}

const SHAPES = {
	good: 'm3.5 8.5 3 3 6-7',
	bad: 'm4.5 4.5 7 7m0-7-7 7',
	idle: 'M4.5 8h7',
	info: 'M8 2a6 6 0 1 1-.01 0zm0 5.5v3.5M8 5v.1',
	warn: 'M8 2.5 14.5 13.5h-13zm0 4V10m0 1.9v.1',
	branch: 'M5 2a1.5 1.5 0 1 1-.01 0zm0 9a1.5 1.5 0 1 1-.01 0zm6.5-7a1.5 1.5 0 1 1-.01 0zM5 5v6m6.5-4c0 2.5-2 3-6.5 3',
	out: 'M9.5 3H13v3.5M13 3 7.5 8.5m3.5 1V13H3V5h3.5',
	look: 'M1.5 8S4 3.5 8 3.5 14.5 8 14.5 8 12 12.5 8 12.5 1.5 8 1.5 8zM8 6a2 2 0 1 1-.01 0z',
	repo: 'M3.5 12.5v-9A1.5 1.5 0 0 1 5 2h7.5v12H5a1.5 1.5 0 0 1 0-3h7.5',
	gitlab: 'M8 15 .5 9.2 2.9 1l2.3 5h5.6l2.3-5 2.4 8.2z',
	github: 'M8 0a8 8 0 0 0-2.5 15.6c.4.1.5-.2.5-.4v-1.5c-2 .4-2.5-.5-2.7-.9-.1-.2-.5-.9-.8-1.1-.3-.2-.7-.5 0-.5.6 0 1.1.6 1.2.8.7 1.2 1.9.9 2.3.7.1-.5.3-.9.5-1.1-1.8-.2-3.6-.9-3.6-4 0-.9.3-1.6.8-2.1-.1-.2-.4-1 .1-2.1 0 0 .7-.2 2.2.8a7.5 7.5 0 0 1 4 0c1.5-1 2.2-.8 2.2-.8.4 1.1.2 1.9.1 2.1.5.6.8 1.3.8 2.1 0 3.1-1.9 3.7-3.7 4 .3.3.5.7.5 1.5v2.2c0 .2.1.5.5.4A8 8 0 0 0 8 0',
};

/** A drawing that decorates: the words beside it say the same. */
export function icon(name, className = 'icon') {
	const [svg, path] = ['svg', 'path'].map((part) => document.createElementNS('http://www.w3.org/2000/svg', part));
	for (const [key, value] of [['class', `${className} ${name}`], ['viewBox', '0 0 16 16'], ['aria-hidden', 'true']]) svg.setAttribute(key, value);
	path.setAttribute('d', SHAPES[name]);
	svg.append(path);
	return svg;
}

export const button = (label, onclick, look = '', attributes) => el(`button${look}`, { type: 'button', onclick, 'data-key': label, ...attributes }, label);

/** A link out of the platform. Addresses come from servers, so only http and https become links. */
export const link = (href, ...children) => (/^https?:\/\//i.test(href ?? '')
	? el('a', { href, target: '_blank', rel: 'noreferrer' }, ...children, icon('out')) : el('span', ...children));

export const sign = (tone) => (tone === 'busy' ? el('i.spin', { 'aria-hidden': 'true' }) : icon(tone));

/** A state in a word, with a sign that does not depend on colour. */
export const pill = ({ tone, label }) => el(`span.pill.${tone}`, sign(tone), label);
export const note = (text) => el('p.note', icon('info'), text);
export const empty = (drawing, title, ...more) => el('div.empty', drawing && icon(drawing, 'mark'), el('b', title), ...more);
export const skeleton = () => el('div.skeleton', el('span.sr', 'Loading'), el('i'));

/** What went wrong, what to do, and what to quote when reporting it. */
export const problem = ({ error, message, remediation, code, requestId }, ...more) => el('div.problem', icon('warn'), el('div',
	el('p', el('b', stageOf(code), error ?? message)), el('p', remediation),
	el('p', el('code', [code, requestId && `request ${requestId}`].filter(Boolean).join(' · '))), ...more));

/** The wait that a failure asks for, counted down. */
export const waitFor = ({ retryAt }, over, words = 'Try again in ') => retryAt > Date.now() && el('p', { role: 'timer' }, words, countDown(retryAt, over));

export const down = (failure, again) => el('div.down', problem(failure), el('div.actions', button('Try again', again, '.small'), waitFor(failure, again, 'By itself in ')));

/** Shows `rows`, making anew only those that changed; open details and the focus survive. */
export function keep(list, rows, keyOf, make) {
	const old = new Map([...list.children].map((child) => [child.dataset.row, child]));
	rows.forEach((row, i) => {
		const before = old.get(keyOf(row)), signature = JSON.stringify(row);
		let shown = before;
		if (before?.signature !== signature) {
			shown = make(row);
			shown.dataset.row = keyOf(row);
			shown.signature = signature;
			if (before) replace(before, shown);
		}
		if (list.children[i] !== shown) list.insertBefore(shown, list.children[i] ?? null);
	});
	while (list.children.length > rows.length) list.lastElementChild.remove();
}

function replace(before, made) {
	const opened = before.querySelectorAll('details'), key = before.contains(document.activeElement) && document.activeElement.dataset.key;
	made.querySelectorAll('details').forEach((details, i) => { details.open = opened[i]?.open; });
	before.replaceWith(made);
	if (key) ([...made.querySelectorAll('[data-key]')].find((each) => each.dataset.key === key) ?? made.querySelector('a, summary'))?.focus();
}

const UNITS = [['day', 86400], ['hour', 3600], ['minute', 60]];
const relative = new Intl.RelativeTimeFormat('en', { numeric: 'auto' });

function ago(iso) {
	const seconds = (Date.parse(iso) - Date.now()) / 1000, [unit, size] = UNITS.find(([, length]) => Math.abs(seconds) >= length) ?? [];
	return unit ? relative.format(Math.trunc(seconds / size), unit) : 'just now';
}

export const since = (iso) => el('time.since', { datetime: iso }, ago(iso));

setInterval(() => {
	for (const time of $$('.since')) time.textContent = ago(time.dateTime);
}, 15000);

/** "0:27" until then; calls `over` unless it was taken off the page meanwhile. */
function countDown(until, over) {
	const shown = el('b.timer');
	const tick = () => {
		const left = Math.max(0, Math.ceil((until - Date.now()) / 1000));
		shown.textContent = `${Math.floor(left / 60)}:${String(left % 60).padStart(2, '0')}`;
		return left;
	};
	tick();
	const timer = setInterval(() => {
		if (shown.isConnected && tick()) return;
		clearInterval(timer);
		if (shown.isConnected) over?.();
	}, 500);
	return shown;
}

/** Said to those who see and to those who hear. Failures stay until they are put away. */
export function toast(tone, text, { remediation, requestId } = {}) {
	const shown = el(`div.toast.${tone}`, sign(tone), el('div', el('p', text), el('p.fine', remediation, ' ', el('code', requestId))),
		el('button.quiet', { type: 'button', 'aria-label': 'Dismiss', onclick: () => shown.remove() }, icon('bad')));
	$('toasts').append(shown);
	if ($('toasts').children.length > 3) $('toasts').firstElementChild.remove();
	if (tone !== 'bad') setTimeout(() => shown.remove(), 6000);
}

/** Gives a call's answer, and says what `say` makes of it; without one it says why, in the API's words. */
export async function attempt(call, say) {
	try {
		const answer = await call;
		if (say) toast('good', say(answer));
		return answer;
	} catch (failure) {
		return toast('bad', failure.message, failure);
	}
}

/** A question, before what cannot be undone unless told otherwise. */
export function ask(title, text, yes, no = 'Keep it', look = 'danger') {
	for (const [part, words] of Object.entries({ title, text, yes, no })) $(`ask-${part}`).textContent = words;
	$('ask-yes').className = look;
	$('ask').returnValue = 'no';
	$('ask').showModal();
	return new Promise((resolve) => { $('ask').onclose = () => resolve($('ask').returnValue === 'yes'); });
}

/** Where the browser does not let us copy, the text is at least selected. */
export function copy(from) {
	getSelection().selectAllChildren(from);
	toast('info', document.execCommand('copy') ? 'Copied.' : 'Selected; copy it with the keyboard.');
}
