#include "git_progress.h"

#include <string.h>

/* Digits of a number that fits; *at goes behind them. */
static bool read_number(const char **at, int64_t *ret)
{
	const char *digits = *at;
	int64_t value = 0;

	for (; **at >= '0' && **at <= '9'; (*at)++) {
		if (*at - digits == 15)
			return false;
		value = 10 * value + (**at - '0');
	}
	*ret = value;
	return *at > digits;
}

static bool read_text(const char **at, const char *text)
{
	size_t length = strlen(text);

	if (strncmp(*at, text, length) != 0)
		return false;
	*at += length;
	return true;
}

/* "1.20 MiB", "873 bytes", "1 byte". */
static bool read_size(const char **at, int64_t *ret)
{
	static const struct {
		const char *unit;
		int64_t bytes;
	} units[] = {{" GiB", 1 << 30}, {" MiB", 1 << 20}, {" KiB", 1 << 10}};
	int64_t whole, hundredths = 0;

	if (!read_number(at, &whole))
		return false;
	if (read_text(at, " byte")) {
		(void)read_text(at, "s");
		*ret = whole;
		return true;
	}
	const char *fraction = *at + 1;
	if (!read_text(at, ".") || !read_number(at, &hundredths) || *at - fraction != 2 || whole > 1 << 20)
		return false;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (read_text(at, units[i].unit)) {
			*ret = whole * units[i].bytes + hundredths * units[i].bytes / 100;
			return true;
		}
	return false;
}

bool git_progress_parse(const char *line, struct git_progress *ret)
{
	struct git_progress progress = {0};
	const char *at = line;
	int64_t percent;

	if (read_text(&at, "Receiving objects: "))
		progress.stage = "receiving";
	else if (read_text(&at, "Resolving deltas: "))
		progress.stage = "resolving";
	else
		return false;
	at += strspn(at, " ");
	if (!read_number(&at, &percent) || !read_text(&at, "% (") || !read_number(&at, &progress.done) || !read_text(&at, "/") ||
	    !read_number(&at, &progress.total) || !read_text(&at, ")"))
		return false;
	if (*at && strcmp(at, ", done.") != 0 && (!read_text(&at, ", ") || !read_size(&at, &progress.bytes)))
		return false;
	if (percent > 100 || progress.done > progress.total)
		return false;
	*ret = progress;
	return true;
}
