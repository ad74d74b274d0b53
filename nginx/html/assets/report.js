// A report of the API as a checklist, and its question as a command.
import { button, copy, el, icon, link, pill, sign } from './dom.js';
import { CHECKS, verdictOf } from './state.js';
import { validatePath } from './api.js';

const TONES = { true: ['good', 'passed'], false: ['bad', 'failed'], null: ['idle', 'not run'], undefined: ['busy', 'checking'] };

export const checklist = (checks) => el('ul.checks', checks.map(({ name, ok, message, remediation }) => {
	const [tone, word] = TONES[ok];
	return el(`li.${tone}${message ? '.more' : ''}`, sign(tone), el('span', CHECKS[name] ?? name, el('span.sr', `: ${word}`)),
		message && el('p', message), remediation && el('p.soft', remediation));
}));

/** The same list before there is an answer. */
export const waiting = (names = Object.keys(CHECKS)) => checklist(names.map((name) => ({ name })));

export const fact = (name, ...value) => (value[0] ? [el('dt', name), el('dd', ...value)] : []);
const coded = (text) => text && el('code', text);

export const facts = ({ projectPath, webUrl, cloneUrl, apiUrl, defaultBranch, role, account }) => el('dl.facts',
	fact('Project', projectPath && link(webUrl, projectPath)), fact('Clone address', coded(cloneUrl)), fact('API', coded(apiUrl)),
	fact('Default branch', coded(defaultBranch)), fact('Role', role?.name), fact('As', account));

export const verdict = (report) => el('div.line', pill(verdictOf(report)),
	report.provider !== 'unknown' && el('span.soft', icon(report.provider), ` ${report.host}`));

const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;

/** The question as a shell command. The bearer is a variable of the shell's: it is never shown. */
export function curlBox(project, question) {
	const code = el('code', { tabindex: 0 }, `curl -s ${quoted(location.origin + validatePath(project))} \\
  -H "Authorization: Bearer $ACP_BEARER" -H 'Content-Type: application/json' \\
  -d ${quoted(JSON.stringify(question))}`);
	return el('details', el('summary', 'As curl'), el('pre', code), button('Copy the command', () => copy(code), '.small'));
}
