#include "agent_environment.h"

#include <stdlib.h>

#include "alloc.h"
#include "caps.h"
#include "file.h"
#include "repo_url.h"

void agent_environment_release(struct agent_environment *e)
{
	for (size_t i = 0; i < e->count; i++)
		free(e->variables[i]);
	free(e->variables);
	*e = (struct agent_environment)AGENT_ENVIRONMENT_INIT;
}

static void add_variable(struct agent_environment *e, const char *name, const char *value)
{
	e->variables = xrealloc(e->variables, (e->count + 2) * sizeof(*e->variables));
	e->variables[e->count++] = xasprintf("%s=%s", name, value);
	e->variables[e->count] = NULL;
}

/* A value of a git configuration file. Line breaks end it, whatever comes after them. */
static void add_value(struct strbuf *to, const char *name, const char *value)
{
	strbuf_addf(to, "\t%s = \"", name);
	for (const char *at = value; *at && *at != '\n' && *at != '\r'; at++) {
		if (*at == '"' || *at == '\\')
			strbuf_add_char(to, '\\');
		strbuf_add_char(to, *at);
	}
	strbuf_add_string(to, "\"\n");
}

static void add_alias(struct strbuf *to, const char *scheme, const char *host, char separator, const char *path, const char *suffix)
{
	CLEANUP(freep) char *url = xasprintf("%s%s%c%s%s", scheme, host, separator, path, suffix);

	add_value(to, "insteadOf", url);
}

static char *without_suffix(const char *clone_url)
{
	size_t length = strlen(clone_url);

	return length > 4 && strcmp(clone_url + length - 4, ".git") == 0 ? xstrndup(clone_url, length - 4) : NULL;
}

/* All the ways in which people, and scripts in a repository, write this repository's address. */
static void add_repository(struct strbuf *to, const struct gate_client *gate, const struct repository *r)
{
	CLEANUP(freep) char *through_gate = gate_repository_url(gate, r->name);
	CLEANUP(repo_url_release) struct repo_url url = REPO_URL_INIT;

	if (!r->clone_url)
		return;
	strbuf_addf(to, "[url \"%s\"]\n", through_gate);
	add_value(to, "insteadOf", r->clone_url);
	CLEANUP(freep) char *bare = without_suffix(r->clone_url);
	if (bare)
		add_value(to, "insteadOf", bare);
	if (!repo_url_parse(r->clone_url, &url, NULL))
		return;
	const char *path = r->project_path ? r->project_path : url.path;
	add_alias(to, "git@", url.host, ':', path, ".git");
	add_alias(to, "git@", url.host, ':', path, "");
	add_alias(to, "ssh://git@", url.host, '/', path, ".git");
	add_alias(to, "ssh://git@", url.host, '/', path, "");
}

/*
 * git compares beginnings, of which the longest counts, and of these the first: without its suffix "team/api" is one of
 * "team/api-docs", too, which the gate does not have and the agent may reach by itself.
 */
static void add_neighbours(struct strbuf *to, const struct repository *r)
{
	static const char next[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-.";
	CLEANUP(freep) char *bare = r->clone_url ? without_suffix(r->clone_url) : NULL;

	for (const char *c = next; bare && *c && to->length < LIMIT_FILE_CONFIG / 2; c++) {
		CLEANUP(freep) char *neighbour = xasprintf("%s%c", bare, *c);
		strbuf_addf(to, "[url \"%s\"]\n", neighbour);
		add_value(to, "insteadOf", neighbour);
	}
}

void agent_git_config(const struct gate_client *gate, const struct repositories *repositories, struct strbuf *to)
{
	const struct repository *first = repositories->count ? &repositories->items[0] : NULL;

	strbuf_addf(to, "[http \"%s/git/%s/\"]\n", gate->base, gate->session_id);
	strbuf_addf(to, "\textraHeader = \"Authorization: Bearer %s\"\n\tfollowRedirects = false\n",
	            secret_bytes(gate->credential));
	for (size_t i = 0; i < repositories->count; i++)
		add_repository(to, gate, &repositories->items[i]);
	for (size_t i = 0; i < repositories->count; i++)
		add_neighbours(to, &repositories->items[i]);
	strbuf_add_string(to, "[user]\n");
	if (first && first->commit_name)
		add_value(to, "name", first->commit_name);
	if (first && first->commit_email)
		add_value(to, "email", first->commit_email);
	strbuf_add_string(to, "[safe]\n\tdirectory = *\n[credential]\n\thelper =\n[init]\n\tdefaultBranch = main\n");
}

/* Those that make the agent's git reach the gate, and its home its own, are the worker's. */
static bool is_ours(const struct agent_environment *e, const char *name)
{
	size_t length = strlen(name);

	for (size_t i = 0; i < e->count; i++)
		if (strncmp(e->variables[i], name, length) == 0 && e->variables[i][length] == '=')
			return true;
	return strncmp(name, "ACP_", 4) == 0 || strncmp(name, "GIT_CONFIG", 10) == 0;
}

static void add_session_variables(struct agent_environment *e, const json_t *environment)
{
	const char *name;
	json_t *value;

	json_object_foreach((json_t *)(uintptr_t)environment, name, value)
	{
		if (!is_ours(e, name))
			add_variable(e, name, json_string_value(value));
	}
}

bool agent_environment_make(const struct workspace *workspace, const struct session_spec *spec, const struct gate_client *gate,
                            const struct repositories *repositories, struct agent_environment *ret, struct error *err)
{
	CLEANUP(strbuf_release_secret) struct strbuf config = STRBUF_INIT(LIMIT_FILE_CONFIG);
	CLEANUP(freep) char *config_path = xasprintf("%s/.gitconfig", workspace->home);

	agent_git_config(gate, repositories, &config);
	if (!strbuf_ok(&config) || !file_write_atomically(config_path, config.data, config.length, 0600, err))
		return error_set(err, ERR_WORKSPACE_FAILED, "The agent's git configuration cannot be written.");

	const struct {
		const char *name, *value;
	} variables[] = {
	        {"PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"},
	        {"HOME", workspace->home},
	        {"TMPDIR", workspace->tmp},
	        {"LANG", "C.UTF-8"},
	        {"ACP_SESSION_NAME", spec->name},
	        {"ACP_SESSION_DESCRIPTION", spec->description ? spec->description : ""},
	        {"ACP_WORKSPACE", workspace->path},
	        {"GIT_CONFIG_GLOBAL", config_path},
	        {"GIT_CONFIG_NOSYSTEM", "1"},
	        {"GIT_TERMINAL_PROMPT", "0"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(variables); i++)
		add_variable(ret, variables[i].name, variables[i].value);
	add_session_variables(ret, spec->environment);
	return true;
}
