#include "settings.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "alloc.h"
#include "caps.h"
#include "file.h"

static const char prefix[] = "ACP_";
static const char config_file_name[] = "ACP_CONFIG_FILE";
static const char default_config_file[] = "/etc/acp-gitlab/acp-gitlab.conf";

static const struct setting_description table[SETTING_COUNT] = {
#define X(id, name, kind, fallback, accepted, meaning) {name, kind, fallback, accepted, meaning},
        SETTINGS(X)
#undef X
};

const struct setting_description *setting_describe(enum setting id)
{
	return &table[id];
}

/* The setting called name[0..length), or SETTING_COUNT. */
static unsigned find(const char *name, size_t length)
{
	unsigned id = 0;
	while (id < SETTING_COUNT && (strlen(table[id].name) != length || memcmp(table[id].name, name, length) != 0))
		id++;
	return id;
}

/* As find, for NAME_FILE of a setting that is a secret. */
static unsigned find_secret_file(const char *name, size_t length)
{
	static const char suffix[] = "_FILE";
	size_t suffix_length = sizeof(suffix) - 1;
	if (length <= suffix_length || memcmp(name + length - suffix_length, suffix, suffix_length) != 0)
		return SETTING_COUNT;
	unsigned id = find(name, length - suffix_length);
	return id < SETTING_COUNT && table[id].kind == SETTING_SECRET ? id : SETTING_COUNT;
}

static bool has_control_character(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			return true;
	return false;
}

static bool is_one_of(const char *accepted, const char *value)
{
	size_t length = strlen(value);
	for (const char *word = accepted; *word;) {
		size_t word_length = strcspn(word, "|");
		if (word_length == length && memcmp(word, value, length) == 0)
			return true;
		word += word_length + (word[word_length] == '|');
	}
	return false;
}

static bool is_http_url(const char *value)
{
	size_t scheme = strncmp(value, "https://", 8) == 0 ? 8 : strncmp(value, "http://", 7) == 0 ? 7 : 0;
	return scheme && value[scheme] && value[scheme] != '/' && !strpbrk(value, " \"<>\\");
}

/* At most nine digits: any sum of a few of them fits everywhere. */
static bool is_whole_number(const char *value)
{
	size_t digits = strspn(value, "0123456789");
	return digits >= 1 && digits <= 9 && !value[digits];
}

/* The value itself is not repeated: it may be a misplaced secret. `where` is empty for the environment, "FILE, line N: " for the
 * file. */
static bool refuse(const struct setting_description *setting, const char *where, const char *rule, struct error *err)
{
	return error_set(err, ERR_CONFIG_INVALID, "%s%s must %s.", where, setting->name, rule);
}

static bool check(const struct setting_description *setting, const char *value, const char *where, struct error *err)
{
	if (!*value)
		return !*setting->fallback || setting->kind == SETTING_PATH_OR_NONE || refuse(setting, where, "not be empty", err);
	if (has_control_character(value))
		return refuse(setting, where, "not contain control characters", err);
	if (setting->accepted && !is_one_of(setting->accepted, value)) {
		CLEANUP(freep) char *rule = xasprintf("be one of %s", setting->accepted);
		return refuse(setting, where, rule, err);
	}
	switch (setting->kind) {
	case SETTING_URL:
		return is_http_url(value) || refuse(setting, where, "be an address that begins with http:// or https://", err);
	case SETTING_SECONDS:
		return is_whole_number(value) || refuse(setting, where, "be a whole number of seconds of at most 9 digits", err);
	case SETTING_NUMBER:
		return is_whole_number(value) || refuse(setting, where, "be a whole number of at most 9 digits", err);
	case SETTING_SWITCH:
		return is_one_of("on|off", value) || refuse(setting, where, "be on or off", err);
	case SETTING_TEXT:
	case SETTING_PATH:
	case SETTING_PATH_OR_NONE:
	case SETTING_LIST:
	case SETTING_SECRET:
		break;
	}
	return true;
}

static bool assign(struct settings *to, unsigned id, const char *value, enum setting_source source, const char *where,
                   struct error *err)
{
	if (!check(&table[id], value, where, err))
		return false;
	set_string(&to->values[id], value);
	to->sources[id] = source;
	return true;
}

/* --- the environment --- */

/* A secret's file holds the value on its first line; the line break that editors add is no part of it. */
static bool assign_from_secret_file(struct settings *to, unsigned id, const char *path, enum setting_source source,
                                    const char *where, struct error *err)
{
	CLEANUP(strbuf_release_secret) struct strbuf text = STRBUF_INIT(LIMIT_FILE_CONFIG);
	if (!file_read(path, &text, err))
		return error_detail(err, "%s%s_FILE", where, table[id].name);
	if (memchr(text.data, '\0', text.length))
		return error_set(err, ERR_CONFIG_INVALID, "%s%s_FILE: the file contains a NUL character.", where, table[id].name);
	while (text.length && strchr("\r\n", text.data[text.length - 1]))
		text.data[--text.length] = '\0';
	return assign(to, id, text.data, source, where, err);
}

/* Like getenv on the given environment. */
static const char *look_up(char *const *environ_, const char *name)
{
	size_t length = strlen(name);
	for (; *environ_; environ_++)
		if (strncmp(*environ_, name, length) == 0 && (*environ_)[length] == '=')
			return *environ_ + length + 1;
	return NULL;
}

static bool refuse_unknown_names(char *const *environ_, struct error *err)
{
	for (; *environ_; environ_++) {
		const char *name = *environ_;
		size_t length = strcspn(name, "=");
		if (strncmp(name, prefix, sizeof(prefix) - 1) != 0)
			continue;
		bool known = find(name, length) < SETTING_COUNT || find_secret_file(name, length) < SETTING_COUNT ||
		             (length == sizeof(config_file_name) - 1 && memcmp(name, config_file_name, length) == 0);
		if (!known)
			return error_set(err, ERR_CONFIG_INVALID, "Unknown setting in the environment: %.*s.",
			                 (int)(length < 128 ? length : 128), name);
	}
	return true;
}

static bool read_environment(char *const *environ_, struct settings *to, struct error *err)
{
	if (!refuse_unknown_names(environ_, err))
		return false;
	for (unsigned id = 0; id < SETTING_COUNT; id++) {
		const char *value = look_up(environ_, table[id].name);
		if (value && !assign(to, id, value, SETTING_FROM_ENVIRONMENT, "", err))
			return false;
		if (value || table[id].kind != SETTING_SECRET)
			continue;
		CLEANUP(freep) char *file_name = xasprintf("%s_FILE", table[id].name);
		const char *path = look_up(environ_, file_name);
		if (path && !assign_from_secret_file(to, id, path, SETTING_FROM_ENVIRONMENT, "", err))
			return false;
	}
	return true;
}

/* --- the file --- */

/* Cuts blanks at both ends, in place. */
static char *trim(char *text)
{
	text += strspn(text, " \t\r");
	size_t length = strlen(text);
	while (length && strchr(" \t\r", text[length - 1]))
		length--;
	text[length] = '\0';
	return text;
}

/* Takes one line into `found`, which remembers what the file has already set. */
static bool read_line(char *line, const char *where, struct settings *found, struct error *err)
{
	line = trim(line);
	if (!*line || *line == '#')
		return true;
	char *equals = strchr(line, '=');
	if (!equals)
		return error_set(err, ERR_CONFIG_INVALID, "%snot of the form NAME=value.", where);
	*equals = '\0';
	const char *name = trim(line);
	const char *value = trim(equals + 1);
	unsigned id = find(name, strlen(name));
	bool in_file = id == SETTING_COUNT;
	if (in_file)
		id = find_secret_file(name, strlen(name));
	if (id == SETTING_COUNT)
		return error_set(err, ERR_CONFIG_INVALID, "%sunknown setting %.128s.", where, name);
	if (found->values[id])
		return error_set(err, ERR_CONFIG_INVALID, "%s%s is set twice.", where, table[id].name);
	return in_file ? assign_from_secret_file(found, id, value, SETTING_FROM_FILE, where, err)
	               : assign(found, id, value, SETTING_FROM_FILE, where, err);
}

static bool read_lines(const char *path, char *text, struct settings *found, struct error *err)
{
	unsigned number = 1;
	for (char *line = text; line; number++) {
		char *end = strchr(line, '\n');
		if (end)
			*end++ = '\0';
		CLEANUP(freep) char *where = xasprintf("%s, line %u: ", path, number);
		if (!read_line(line, where, found, err))
			return false;
		line = end;
	}
	return true;
}

/* ACP_CONFIG_FILE, which must exist, or the default, which need not. NULL: no file is read. */
static const char *choose_file(char *const *environ_)
{
	const char *chosen = look_up(environ_, config_file_name);
	if (chosen)
		return *chosen ? chosen : NULL;
	struct stat about;
	bool absent = stat(default_config_file, &about) != 0 && (errno == ENOENT || errno == ENOTDIR);
	return absent ? NULL : default_config_file;
}

/* Every line is checked, also where the environment overrules it. */
static bool read_file(char *const *environ_, struct settings *to, struct error *err)
{
	const char *path = choose_file(environ_);
	if (!path)
		return true;
	CLEANUP(strbuf_release_secret) struct strbuf text = STRBUF_INIT(LIMIT_FILE_CONFIG);
	if (!file_read(path, &text, err))
		return false;
	if (memchr(text.data, '\0', text.length))
		return error_set(err, ERR_CONFIG_INVALID, "The file %s contains a NUL character.", path);
	CLEANUP(settings_release) struct settings found = SETTINGS_INIT;
	if (!read_lines(path, text.data, &found, err))
		return false;
	for (unsigned id = 0; id < SETTING_COUNT; id++) {
		if (!found.values[id] || to->values[id])
			continue;
		to->values[id] = TAKE(found.values[id]);
		to->sources[id] = SETTING_FROM_FILE;
	}
	return true;
}

/* --- all of it --- */

bool settings_load(char *const *environ_, struct settings *ret, struct error *err)
{
	CLEANUP(settings_release) struct settings s = SETTINGS_INIT;
	if (!read_environment(environ_, &s, err) || !read_file(environ_, &s, err))
		return false;
	for (unsigned id = 0; id < SETTING_COUNT; id++)
		if (!s.values[id])
			set_string(&s.values[id], table[id].fallback);
	*ret = s;
	s = (struct settings)SETTINGS_INIT;
	return true;
}

void settings_release(struct settings *s)
{
	for (unsigned id = 0; id < SETTING_COUNT; id++) {
		if (s->values[id] && table[id].kind == SETTING_SECRET)
			wipe(s->values[id], strlen(s->values[id]));
		free(s->values[id]);
		s->values[id] = NULL;
	}
}

int64_t settings_number_(const struct settings *s, enum setting id)
{
	return strtoll(s->values[id], NULL, 10);
}

bool settings_switch_(const struct settings *s, enum setting id)
{
	return strcmp(s->values[id], "on") == 0;
}

bool settings_blame_(enum setting id, struct error *err)
{
	CLEANUP(freep) char *message = NULL;

	if (!err)
		return false;
	message = xstrdup(err->message);
	return error_set(err, err->code, "%s: %s", setting_describe(id)->name, message);
}
