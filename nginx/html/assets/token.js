// Tokens of other kinds, told by how they begin as core/model/token_text.c tells them; the API has the last word.
const GITLAB = /(?:^|-)gl(pat|dt|cbt|rtr?|ptt|ft|imt|agent|soat|oas|ffct|wt)-|^GR1348941/;
const NAMES = { pat: 'personal access token', dt: 'deploy token', cbt: 'CI job token', rt: 'runner token', ptt: 'pipeline trigger token' };

/** "GitLab deploy token": what this is, if it will not do for the provider; '' when nothing speaks against it. */
export function wrongKind(token, provider) {
	const gitlab = GITLAB.exec(token), github = /^(gh[oprsu]|github_pat)_/.exec(token);
	if (provider === 'gitlab' && token.includes('glpat-')) return '';
	if (gitlab) return `GitLab ${NAMES[gitlab[1]] ?? 'token of another kind'}`;
	return github && (provider === 'gitlab' || /^gh[rs]/.test(token)) ? `GitHub token${provider === 'github' ? ' of another kind' : ''}` : '';
}
