// The service's API, and the bearer it is called with: it comes from a link's fragment, which no server sees, or from the form, and
// stays in this tab. Behind a proxy that signs in there is none.

const tab = sessionStorage;
export const hasBearer = () => 'bearer' in tab;
export const signIn = (bearer) => { tab.bearer = bearer.trim(); };
export const signOut = () => { delete tab.bearer; };

/** {bearer?, project?} of a link; the address keeps neither. */
export function takeLink() {
	const given = new URLSearchParams(location.hash.slice(1));
	history.replaceState(history.state, '', location.pathname + location.search);
	return Object.fromEntries(given);
}

/** No success, in the API's words. */
class ApiError extends Error {
	constructor(status, body, headers) {
		super(body.error ?? 'The service cannot be reached.');
		Object.assign(this, { remediation: 'Check that the service is running, then try again.', ...body, status });
		this.retryAt = Date.now() + headers?.get('Retry-After') * 1000;
	}
}

async function exchange(method, path, body, extra, bearer = tab.bearer) {
	const headers = { ...extra };
	let answer, parsed;
	if (bearer) headers.Authorization = `Bearer ${bearer}`;
	if (body) headers['Content-Type'] = 'application/json';
	try {
		answer = await fetch(path, { method, headers, body: body && JSON.stringify(body) });
		parsed = await answer.json();
	} catch {
		throw new ApiError(answer?.status, {}, answer?.headers);
	}
	if (answer.ok) return { body: parsed, etag: answer.headers.get('ETag') };
	const failure = new ApiError(answer.status, parsed, answer.headers);
	if (answer.status === 401 && bearer === tab.bearer) dispatchEvent(new CustomEvent('acp-signed-out', { detail: failure }));
	throw failure;
}

const call = async (...request) => (await exchange(...request)).body;

/** `instanceUrl` '' means the usual server of that kind. */
function kind(base, pat, field) {
	const send = (method, path) => (instanceUrl, token) => call(method, base + path, { instanceUrl, [field]: token });
	return {
		status: (bearer) => call('GET', `${base}/status`, null, null, bearer),
		connect: send('POST', pat), test: send('POST', '/test'), check: send('POST', '/check'), disconnect: send('DELETE', pat.replace('connect', 'disconnect')),
	};
}
export const accounts = { gitlab: kind('/api/auth/gitlab', '/connect', 'personalAccessToken'), github: kind('/api/auth/github', '/pat', 'token') };

export const addInstallation = (installationId) => call('POST', '/api/auth/github/install', { installationId });
export const removeInstallations = () => call('POST', '/api/auth/github/disconnect', {});

const at = (project, rest) => `/api/projects/${encodeURIComponent(project)}/${rest}`;
export const validatePath = (project) => at(project, 'repositories/validate');
export const validate = (project, question) => call('POST', validatePath(project), question);
export const repositories = (project, query = '') => call('GET', at(project, `repositories${query}`));

/** Lets `edit` change the list (null: nothing to do); when somebody was faster, it is made again on what they left. */
export async function changeRepositories(project, edit) {
	for (let tries = 1; ; tries++) {
		const { body, etag } = await exchange('GET', at(project, 'repositories?reports=false'));
		const changed = edit(body.repositories);
		if (!changed) return null;
		try {
			return await call('PUT', at(project, 'repositories'), { ...body, repositories: changed }, { 'If-Match': etag });
		} catch (failure) {
			if (failure.status !== 412 || tries === 4) throw failure;
		}
	}
}

const session = (project, name) => at(project, `agentic-sessions/${encodeURIComponent(name)}`);
export const sessions = (project) => call('GET', at(project, 'agentic-sessions'));
export const pushSession = (project, name) => call('POST', `${session(project, name)}/git/push`);
export const removeSession = (project, name) => call('DELETE', session(project, name));
