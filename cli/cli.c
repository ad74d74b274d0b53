#include "cli.h"

#include "alloc.h"
#include "terminal.h"

#include <stdarg.h>
#include <stdlib.h>

void cli_list_release(struct cli_list *list)
{
	free(list->items);
	*list = (struct cli_list){0};
}

static void cli_list_add(struct cli_list *list, const char *item)
{
	list->items = xrealloc(list->items, (list->count + 1) * sizeof(*list->items));
	list->items[list->count++] = item;
}

/* ---- Speaking ---- */

static void say(const char *text)
{
	terminal_line(stderr, "acp-gitlab: %s", text);
}

int cli_fail(const struct error *failure)
{
	CLEANUP(freep) char *text = xasprintf("%s %s", failure->message, error_remediation(failure));

	say(text);
	return (int)cli_exit_of(failure->code);
}

int cli_usage(const struct cli *cli, const char *format, ...)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT(2048);
	const struct command *command = cli->command;
	va_list args;

	va_start(args, format);
	strbuf_vaddf(&text, format, args);
	va_end(args);
	strbuf_addf(&text, " See 'acp-gitlab %s%s%s --help'.", command->group, command->name ? " " : "",
	            command->name ? command->name : "");
	say(text.data);
	return CLI_USAGE;
}

void cli_note(const char *format, ...)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT(TERMINAL_LINE_MAX);
	va_list args;

	va_start(args, format);
	strbuf_vaddf(&text, format, args);
	va_end(args);
	say(strbuf_ok(&text) ? text.data : "(a text that is too long to be shown)");
}

/* jansson escapes every control character but DEL, which stands in strings alone. */
static int print_escaped(const char *bytes, size_t length, void *unused)
{
	(void)unused;
	for (size_t at = 0; at < length; at++) {
		const void *del = memchr(bytes + at, 0x7f, length - at);
		size_t plain = del ? (size_t)((const char *)del - bytes) - at : length - at;

		(void)fwrite(bytes + at, 1, plain, stdout);
		if (del)
			(void)fputs("\\u007f", stdout);
		at += plain;
	}
	return 0;
}

void cli_print_json(json_t *value)
{
	(void)json_dump_callback(value, print_escaped, NULL, JSON_INDENT(2) | JSON_ENSURE_ASCII);
	(void)putchar('\n');
	json_decref(value);
}

int cli_finish(int code)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return code;
	say("The output could not be written completely.");
	return CLI_FAILED;
}

/* ---- Options ---- */

static const struct cli_option *find_option(const struct cli_option *options, size_t count, const char *text, size_t length)
{
	for (size_t i = 0; i < count; i++)
		if (strlen(options[i].name) == length && memcmp(options[i].name, text, length) == 0)
			return &options[i];
	return NULL;
}

static bool take_option(struct cli *cli, const struct cli_option *option, const char *value)
{
	if (option->kind == CLI_FLAG) {
		if (value) {
			cli_usage(cli, "The option %s has no value.", option->name);
			return false;
		}
		*(bool *)option->to = true;
		return true;
	}
	if (!value || value[0] == '\0') {
		cli_usage(cli, "The option %s needs a value.", option->name);
		return false;
	}
	if (option->kind == CLI_VALUE)
		*(const char **)option->to = value;
	else
		cli_list_add(option->to, value);
	return true;
}

bool cli_parse(struct cli *cli, int argc, char **argv, const struct cli_option *options, size_t option_count,
               struct cli_list *ret_operands, size_t min, size_t max)
{
	const struct cli_option json = {"--json", CLI_FLAG, &cli->json};
	bool options_ended = false;

	for (int i = 0; i < argc; i++) {
		const char *text = argv[i], *value = NULL;
		size_t length = strcspn(text, "=");
		const struct cli_option *option;

		if (options_ended || text[0] != '-' || text[1] == '\0') {
			cli_list_add(ret_operands, text);
			continue;
		}
		if (strcmp(text, "--") == 0) {
			options_ended = true;
			continue;
		}
		option = find_option(options, option_count, text, length);
		if (!option)
			option = find_option(&json, 1, text, length);
		if (!option) {
			cli_usage(cli, "There is no option %.*s.", (int)length, text);
			return false;
		}
		if (text[length] == '=')
			value = text + length + 1;
		else if (option->kind != CLI_FLAG && i + 1 < argc)
			value = argv[++i];
		if (!take_option(cli, option, value))
			return false;
	}
	if (ret_operands->count < min || ret_operands->count > max) {
		cli_usage(cli, ret_operands->count < min ? "An argument is missing." : "There are too many arguments.");
		return false;
	}
	return true;
}
