// What rows and reports say, from the API's answers alone: nothing is claimed that was not checked.

/** The checks of a report, in their order. */
export const CHECKS = {
	address: 'Address', provider: 'Provider', connection: 'Account connected', reachable: 'Server answers', tls: 'Certificate',
	token: 'Token accepted', scopes: 'Scopes', repository: 'Repository found', read: 'Clone', push: 'Push', branch: 'Branch',
};

const STAGES = [
	[/^instance_(url|insecure|forbidden)/, 'Address: '], [/unresolvable/, 'Name lookup: '], [/timeout/, 'Time-out: '], [/tls/, 'Certificate: '],
	[/^instance_(not|redirected)/, 'API: '], [/^instance_unr/, 'Network: '], [/^instance/, 'Server: '], [/scope|permission/, 'Scopes: '], [/^(token|account)/, 'Token: '],
];

export const stageOf = (code) => STAGES.find(([pattern]) => pattern.test(code))?.[1] ?? '';

const LABELS = [[/expired/, 'Expired'], [/revoked/, 'Revoked'], [/scope|permission/, 'Scope missing'], [/^account/, 'Account blocked']];

/** Days until the token ends; Infinity: never, or not known. */
const daysOf = ({ token }) => token.daysToExpiry ?? Infinity;
const isUnknown = ({ warnings }) => warnings.some(({ code }) => code === 'token_fine_grained' || code === 'scopes_unknown');

/** {tone, label, failure?} of a connection. `probe`: what this page learned since, {busy} or the {failure} of a check; `good`: what to call a good one. */
export function stateOf(connection, { busy, failure, good = 'Connected' } = {}) {
	const days = daysOf(connection), { code = 'token_invalid', valid, remediation } = connection;
	if (busy) return { tone: 'busy', label: 'Checking' };
	if (failure?.code === 'rate_limited') return { tone: 'warn', label: 'Rate limited', failure };
	if (valid === false) {
		const label = LABELS.find(([pattern]) => pattern.test(code))?.[1] ?? 'Not accepted';
		return { tone: 'bad', label, failure: failure ?? { message: 'The server no longer accepts it.', remediation, code } };
	}
	if (failure) return { tone: 'bad', label: failure.code === 'instance_forbidden' ? 'Not allowed' : 'Unreachable', failure };
	if (days <= 0) return { tone: 'bad', label: 'Expired' };
	if (days <= 30) return { tone: days > 7 ? 'info' : days > 1 ? 'warn' : 'bad', label: `Expires in ${days} ${days === 1 ? 'day' : 'days'}` };
	return connection.token.canPush || isUnknown(connection) ? { tone: 'good', label: good } : { tone: 'warn', label: 'Read only' };
}

/** What was found of validate, clone and push: true, false, or null for "found out repository by repository". */
export function capabilities(connection) {
	const alive = connection.valid !== false && daysOf(connection) > 0;
	const found = (can) => alive && (isUnknown(connection) ? null : can);
	return [['Validate', alive], ['Clone', found(connection.token.canRead)], ['Push', found(connection.token.canPush)]];
}

/** What a report comes to. */
export function verdictOf({ valid, can, checks }) {
	if (valid) return { tone: 'good', label: can.push ? 'Clone and push' : 'Clone' };
	const failed = checks.find(({ ok }) => ok === false);
	if (can.read && ['push', 'scopes'].includes(failed.name)) return { tone: 'warn', label: 'Clone only' };
	if (failed.code === 'rate_limited') return { tone: 'warn', label: 'Rate limited' };
	return { tone: 'bad', label: failed.code === 'not_connected' ? 'Not connected' : 'Not usable' };
}

export const STEPS = ['Check', 'Clone', 'Run', 'Push'];
const PHASES = ['Preflight', 'Cloning', 'Running', 'Pushing'];
const CONDITIONS = ['PreflightPassed', 'RepositoriesCloned', 'AgentFinished', 'RepositoriesPushed'];
const TONES = { Completed: 'good', PartiallyCompleted: 'warn', Failed: 'bad', OwnerUnverified: 'warn', Stopped: 'idle', Pending: 'info' };

export const hasEnded = ({ phase }) => ['Completed', 'PartiallyCompleted', 'Failed', 'Stopped'].includes(phase);

/** For each of STEPS: 'done', 'now', 'bad' or 'idle'. */
export function stepsOf({ phase, conditions = [] }) {
	const now = PHASES.indexOf(phase);
	return STEPS.map((_, i) => {
		if (phase === 'Completed' || i < now) return 'done';
		if (i === now) return 'now';
		const found = now < 0 && conditions.find(({ type }) => type === CONDITIONS[i]);
		return found ? (found.status === 'True' ? 'done' : 'bad') : 'idle';
	});
}

/** "PartiallyCompleted" as "Partially completed". */
export const wordsOf = (phase) => phase.replace(/(?<=[a-z])[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
export const stateOfPhase = (phase) => ({ tone: TONES[phase] ?? 'busy', label: wordsOf(phase) });
