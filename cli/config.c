/* config: the settings in force. */
#include "cli.h"

static const char *source_name(enum setting_source source)
{
	switch (source) {
	case SETTING_FROM_ENVIRONMENT:
		return "environment";
	case SETTING_FROM_FILE:
		return "file";
	case SETTING_FROM_DEFAULT:
		break;
	}
	return "default";
}

static const char *shown_value(const struct settings *settings, enum setting id)
{
	bool hidden = setting_describe(id)->kind == SETTING_SECRET && settings->values[id][0] != '\0';

	return hidden ? "***" : settings->values[id];
}

static int config_show(struct cli *cli, int argc, char **argv)
{
	CLEANUP(cli_list_release) struct cli_list operands = {0};
	json_t *list;

	if (!cli_parse(cli, argc, argv, NULL, 0, &operands, 0, 0))
		return CLI_USAGE;
	list = json_array();
	for (enum setting id = 0; id < SETTING_COUNT; id++) {
		const struct setting_description *about = setting_describe(id);
		const char *value = shown_value(&cli->settings, id), *source = source_name(cli->settings.sources[id]);

		if (cli->json)
			json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:s}", "name", about->name, "value", value, "source",
			                                      source, "meaning", about->meaning));
		else
			(void)printf("%s=%s  # %s\n", about->name, value, source);
	}
	if (cli->json)
		cli_print_json(json_pack("{s:O}", "settings", list));
	json_decref(list);
	return CLI_OK;
}

const struct command config_commands[] = {
        {"config", NULL, "[--json]", "Show every setting in force and where it comes from.",
         "Sources: environment, file (/etc/acp-gitlab/acp-gitlab.conf, or ACP_CONFIG_FILE), default. Secrets are hidden. An\n"
         "unknown ACP_* name or a malformed value is the error that every program would start with.\n\n"
         "Examples:\n"
         "  acp-gitlab config\n"
         "  acp-gitlab config --json | jq '.settings[] | select(.source != \"default\")'\n",
         true, config_show},
        {0},
};
