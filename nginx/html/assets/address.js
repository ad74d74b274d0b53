// What people paste as the address of an instance and as a token. The rules are those of core/model/instance_url.h and token_text.c; the
// API has the last word, this only saves a round.

const PAGES = new Set(['-', 'admin', 'dashboard', 'explore', 'groups', 'help', 'oauth', 'profile', 'projects', 'search', 'snippets', 'users']);

/** With https, whatever was there: "host", "https:/host", "git@host:group/project.git", "ssh://git@host:22/…". */
function withScheme(text, notes) {
	const address = text.replace(/^[\w.-]+@([\w.-]+):(?!\d+\/)/, 'ssh://$1/');
	const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(address)?.[1].toLowerCase();
	if (scheme === 'https' || scheme === 'http') return address;
	notes.push(scheme ? `https instead of ${scheme}` : 'https:// added');
	// A port of ssh says nothing about https.
	return `https://${scheme ? address.slice(scheme.length + 3).replace(/^([^/@]*@)?([^/:]*):\d+/, '$1$2') : address.replace(/^https?:?\/*/i, '')}`;
}

function readPath({ pathname, hostname }, provider) {
	const segments = pathname.split('/').filter(Boolean), [first = ''] = segments;
	const page = segments.findIndex((each, i) => i < 2 && (each === 'api' || each === '-' || (each === 'users' && segments[i + 1] === 'sign_in')));
	const count = page < 0 ? segments.length : page;
	const root = provider === 'gitlab' && count === 1 && !PAGES.has(first) && !first.endsWith('.git') && hostname !== 'gitlab.com' ? `/${first}` : '';
	if (page >= 0) return { root, left: segments[page] === 'api' ? 'the API path left out' : 'the page left out' };
	return { root, left: segments.length && !root && `the ${PAGES.has(first) ? 'page' : 'project'} left out`, deep: segments.length > 1 };
}

/** {url, notes[], deep}: the address to use, what was changed, and whether what was left out may be a root of several segments. */
export function correctInstance(text, provider = 'gitlab') {
	const notes = [], address = withScheme(text.trim(), notes), url = new URL(URL.canParse(address) ? address : 'about:');
	if (!/^(localhost|[^.]+(\.[^.]+)+|\[.*\])\.?$/.test(url.hostname)) return { url: '', notes: [] };
	if (url.username || url.password) notes.push('user and password left out');
	if (url.search || url.hash) notes.push('what stands behind ? or # left out');
	const { root, left, deep } = readPath(url, provider);
	if (left) notes.push(left);
	return { url: `${url.protocol}//${url.host.replace(/\.(?=:|$)/, '')}${root}`, notes, deep };
}

/** Where a token is made, with name and scopes filled in. */
export function tokenPages(provider, instanceUrl) {
	const name = 'Ambient Code Platform Integration';
	const page = (path, query) => `${instanceUrl || 'https://github.com'}/${path}?${new URLSearchParams(query)}`;
	if (provider === 'github') return [['Create a token', page('settings/tokens/new', { description: name, scopes: 'repo' })]];
	const gitlab = (scopes) => page('-/user_settings/personal_access_tokens', { name, scopes });
	return [['Create a token', gitlab('api')], ['one without merge requests', gitlab('read_api,write_repository')]];
}

export const hostOf = (url) => url.replace(/^https?:\/\//, '');

const GITLAB = /(?:^|-)gl(pat|dt|cbt|rtr?|ptt|ft|imt|agent|soat|oas|ffct|wt)-|^GR1348941/;
const NAMES = { pat: 'personal access token', dt: 'deploy token', cbt: 'CI job token', rt: 'runner token', ptt: 'pipeline trigger token' };

/** "GitLab deploy token": what this is, if it will not do for the provider; '' when nothing speaks against it. */
export function wrongKind(token, provider) {
	const gitlab = GITLAB.exec(token), github = /^(gh[oprsu]|github_pat)_/.exec(token);
	if (provider === 'gitlab' && token.includes('glpat-')) return '';
	if (gitlab) return `GitLab ${NAMES[gitlab[1]] ?? 'token of another kind'}`;
	return github && (provider === 'gitlab' || /^gh[rs]/.test(token)) ? `GitHub token${provider === 'github' ? ' of another kind' : ''}` : '';
}
