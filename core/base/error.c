#include "error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "encoding.h"

struct catalog_entry {
	const char *name;
	int status;
	const char *remediation;
};

static const struct catalog_entry catalog[ERR_COUNT] = {[ERR_NONE] = {"none", 200, ""},
#define X(code, name, status, remediation) [ERR_##code] = {name, status, remediation},
                                                        ERROR_CATALOG(X)
#undef X
};

/* Cut text ends between two characters, so that it stays valid UTF-8 and can go into JSON. */
static void PRINTF_LIKE(3, 0) fill(char *to, size_t size, const char *format, va_list args)
{
	int length = vsnprintf(to, size, format, args);
	if (length < 0)
		to[0] = '\0';
	else if ((size_t)length >= size)
		to[utf8_cut(to, size - 1, size - 1)] = '\0';
}

bool error_set(struct error *err, enum error_code code, const char *format, ...)
{
	if (!err)
		return false;
	err->code = code;
	err->retry_after_s = 0;
	err->remediation[0] = '\0';
	err->detail[0] = '\0';
	va_list args;
	va_start(args, format);
	fill(err->message, sizeof(err->message), format, args);
	va_end(args);
	return false;
}

bool error_remedy(struct error *err, const char *format, ...)
{
	if (!err)
		return false;
	va_list args;
	va_start(args, format);
	fill(err->remediation, sizeof(err->remediation), format, args);
	va_end(args);
	return false;
}

static void append(char *to, size_t size, const char *text)
{
	size_t used = strlen(to);
	size_t length = utf8_cut(text, strlen(text), size - 1 - used);
	memcpy(to + used, text, length);
	to[used + length] = '\0';
}

bool error_detail(struct error *err, const char *format, ...)
{
	if (!err)
		return false;
	char earlier[sizeof(err->detail)];
	memcpy(earlier, err->detail, sizeof(earlier));
	va_list args;
	va_start(args, format);
	fill(err->detail, sizeof(err->detail), format, args);
	va_end(args);
	if (earlier[0]) {
		append(err->detail, sizeof(err->detail), ": ");
		append(err->detail, sizeof(err->detail), earlier);
	}
	return false;
}

static const struct catalog_entry *look_up(enum error_code code)
{
	return &catalog[(unsigned)code < ERR_COUNT ? code : ERR_INTERNAL];
}

const char *error_name(enum error_code code)
{
	return look_up(code)->name;
}

int error_status(enum error_code code)
{
	return look_up(code)->status;
}

const char *error_remediation(const struct error *err)
{
	return err->remediation[0] ? err->remediation : look_up(err->code)->remediation;
}

enum error_code error_code_of(const char *name)
{
	for (unsigned code = ERR_NONE + 1; name && code < ERR_COUNT; code++)
		if (strcmp(catalog[code].name, name) == 0)
			return (enum error_code)code;
	return ERR_NONE;
}
