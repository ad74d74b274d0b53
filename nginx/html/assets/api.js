// The service's API as the page uses it. The bearer comes from the link that `up` prints (in the fragment, which no server sees) or
// from the sign-in form, and is kept in this tab only.

const KEY = 'acp-bearer';

export function takeBearerFromLink() {
	const bearer = new URLSearchParams(location.hash.slice(1)).get('bearer');
	if (!bearer) return;
	sessionStorage.setItem(KEY, bearer);
	history.replaceState(null, '', location.pathname);
}

export const signedIn = () => sessionStorage.getItem(KEY) !== null;
export const signIn = (bearer) => sessionStorage.setItem(KEY, bearer.trim());
export const signOut = () => sessionStorage.removeItem(KEY);

/** An answer that is not a success: `message`, `code`, `remediation`, `status`. */
export class ApiError extends Error {
	constructor(status, body) {
		super(body?.error ?? 'The service did not answer.');
		this.status = status;
		this.code = body?.code ?? 'unreachable';
		this.remediation = body?.remediation ?? 'Check that the service is running, then try again.';
	}
}

async function call(method, path, body) {
	const headers = { Authorization: `Bearer ${sessionStorage.getItem(KEY)}` };
	if (body !== undefined) headers['Content-Type'] = 'application/json';
	let answer, parsed;
	try {
		answer = await fetch(path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
		parsed = await answer.json();
	} catch {
		throw new ApiError(answer?.status ?? 0, null);
	}
	if (!answer.ok) throw new ApiError(answer.status, parsed);
	return parsed;
}

export const gitlab = {
	status: () => call('GET', '/api/auth/gitlab/status'),
	connect: (instanceUrl, personalAccessToken) => call('POST', '/api/auth/gitlab/connect', { instanceUrl, personalAccessToken }),
	test: (instanceUrl, personalAccessToken) => call('POST', '/api/auth/gitlab/test', { instanceUrl, personalAccessToken }),
	disconnect: (instanceUrl) => call('POST', '/api/auth/gitlab/disconnect', { instanceUrl }),
};
