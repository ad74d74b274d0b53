#include "remote_verb.h"

#include "encoding.h"
#include "terminal.h"

/* A refusal in the service's own words, on standard error; what a person can do about the bearer is another thing than what a
 * program can. */
static void show_refusal(const struct remote_answer *answer)
{
	const char *sentence = json_string_or(answer->json, "error", ""), *remedy = json_string_or(answer->json, "remediation", "");
	const char *id = json_string_or(answer->json, "requestId", "");

	if (error_code_of(json_string_or(answer->json, "code", NULL)) == ERR_UNAUTHENTICATED)
		cli_note("The service does not know who is calling. Write a valid token of the platform into the file that "
		         "ACP_BEARER_FILE names.");
	else if (sentence[0] == '\0')
		cli_note("The service answered with status %d.", answer->status);
	else if (answer->status >= 500 && id[0] != '\0')
		cli_note("%s %s (request %s)", sentence, remedy, id);
	else
		cli_note("%s %s", sentence, remedy);
}

static bool is_success(const struct remote_answer *answer)
{
	return answer->status >= 200 && answer->status < 300;
}

int remote_present(const struct cli *cli, const struct remote_answer *answer, const struct remote_view *view)
{
	if (cli->json)
		cli_print_json(json_incref(answer->json));
	else if (is_success(answer))
		view->show(answer->json, view->context);
	else
		show_refusal(answer);
	if (!is_success(answer))
		return (int)cli_exit_of_answer(json_string_or(answer->json, "code", NULL), answer->status);
	return view->judge ? view->judge(answer->json, view->context) : CLI_OK;
}

int remote_verb(struct cli *cli, const struct remote_request *request, const struct remote_view *view)
{
	CLEANUP(remote_release) struct remote remote = REMOTE_INIT;
	CLEANUP(remote_answer_release) struct remote_answer answer = REMOTE_ANSWER_INIT;
	struct error failure = ERROR_INIT;

	if (!remote_open(&remote, &cli->settings, &failure) || !remote_ask(&remote, request, &answer, &failure))
		return cli_fail(&failure);
	return remote_present(cli, &answer, view);
}

bool remote_takes(const struct cli *cli, const char *const *arguments, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (arguments[i] && !is_utf8(arguments[i], strlen(arguments[i]))) {
			(void)cli_usage(cli, "An argument is not text in UTF-8.");
			return false;
		}
	}
	return true;
}

char *remote_project_path(const char *project, const char *rest)
{
	CLEANUP(strbuf_release) struct strbuf path = STRBUF_INIT(3 * strlen(project) + strlen(rest) + sizeof("/api/projects/"));

	strbuf_add_string(&path, "/api/projects/");
	strbuf_add_percent_encoded(&path, project, NULL);
	strbuf_add_string(&path, rest);
	return strbuf_detach(&path);
}
