#include "static_token_file.h"

#include "alloc.h"
#include "caps.h"
#include "clock.h"
#include "encoding.h"
#include "file.h"
#include "session.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { FIELD_ID, FIELD_HASH, FIELD_CREATED, FIELD_USER, FIELD_PROJECTS, FIELD_COUNT };

static void token_entry_release(struct token_entry *entry)
{
	free(entry->created);
	free(entry->user);
	free(entry->projects);
}

void token_entries_release(struct token_entries *entries)
{
	for (size_t i = 0; i < entries->count; i++)
		token_entry_release(&entries->items[i]);
	free(entries->items);
	*entries = (struct token_entries)TOKEN_ENTRIES_INIT;
}

static size_t split_blanks(char *line, char *fields[FIELD_COUNT])
{
	char *rest = line, *field;
	size_t count = 0;

	while ((field = strsep(&rest, " \t\r")) != NULL) {
		if (field[0] == '\0')
			continue;
		if (count == FIELD_COUNT)
			return FIELD_COUNT + 1;
		fields[count++] = field;
	}
	return count;
}

static bool projects_are_valid(const char *projects)
{
	CLEANUP(freep) char *copy = xstrdup(projects);
	char *rest = copy, *project;

	while ((project = strsep(&rest, ",")) != NULL)
		if (strcmp(project, "*") != 0 && !project_name_is_valid(project))
			return false;
	return true;
}

static bool parse_fields(char *fields[FIELD_COUNT], size_t count, struct token_entry *entry)
{
	CLEANUP(strbuf_release) struct strbuf user = STRBUF_INIT(LIMIT_USER_ID_MAX);
	unsigned char id[(TOKEN_ID_SIZE - 1) / 2];
	size_t length;
	int64_t created;

	if (count < FIELD_PROJECTS || count > FIELD_COUNT)
		return false;
	if (!decode_hex(fields[FIELD_ID], id, sizeof(id), &length) || length != sizeof(id) ||
	    !decode_hex(fields[FIELD_HASH], entry->hash, sizeof(entry->hash), &length) || length != sizeof(entry->hash))
		return false;
	if (!clock_parse(fields[FIELD_CREATED], &created))
		return false;
	if (!decode_percent(fields[FIELD_USER], strlen(fields[FIELD_USER]), &user) || !strbuf_ok(&user) || user.length == 0)
		return false;
	if (count == FIELD_COUNT && !projects_are_valid(fields[FIELD_PROJECTS]))
		return false;
	memcpy(entry->id, fields[FIELD_ID], sizeof(entry->id));
	entry->created = xstrdup(fields[FIELD_CREATED]);
	entry->user = strbuf_detach(&user);
	entry->projects = xstrdup(count == FIELD_COUNT ? fields[FIELD_PROJECTS] : "");
	return true;
}

bool token_entries_parse(const char *path, const char *text, struct token_entries *ret, struct error *err)
{
	CLEANUP(token_entries_release) struct token_entries entries = TOKEN_ENTRIES_INIT;
	CLEANUP(freep) char *copy = xstrdup(text);
	char *rest = copy, *line;

	for (size_t number = 1; (line = strsep(&rest, "\n")) != NULL; number++) {
		char *fields[FIELD_COUNT];
		struct token_entry entry = {0};
		size_t count = line[0] == '#' ? 0 : split_blanks(line, fields);

		if (count == 0)
			continue;
		if (!parse_fields(fields, count, &entry)) {
			error_set(err, ERR_CONFIG_INVALID, "%s, line %zu is not a token.", path, number);
			return error_remedy(err, "Remove the line, then add the token with 'acp-gitlab token add'.");
		}
		entries.items = xrealloc(entries.items, (entries.count + 1) * sizeof(entry));
		entries.items[entries.count++] = entry;
	}
	*ret = entries;
	entries = (struct token_entries)TOKEN_ENTRIES_INIT;
	return true;
}

bool token_entries_read(const char *path, struct token_entries *ret, struct error *err)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT(LIMIT_FILE_CONFIG);
	struct stat about;

	if (!file_read(path, &text, err))
		return false;
	if (stat(path, &about) == 0 && (about.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
		error_set(err, ERR_CONFIG_INVALID, "%s can be written by others; each line in it is a login.", path);
		return error_remedy(err, "Run 'chmod go-w %s'.", path);
	}
	return token_entries_parse(path, text.data, ret, err);
}

void token_entry_write(struct strbuf *to, const struct token_entry *entry)
{
	strbuf_addf(to, "%s ", entry->id);
	encode_hex(to, entry->hash, sizeof(entry->hash));
	strbuf_addf(to, " %s ", entry->created);
	strbuf_add_percent_encoded(to, entry->user, "@:");
	if (entry->projects[0] != '\0')
		strbuf_addf(to, " %s", entry->projects);
	strbuf_add_char(to, '\n');
}
