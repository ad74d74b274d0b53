#include "progress.h"

#include <stdarg.h>

#include "file.h"

enum { BAR_WIDTH = 24 };

static void put(const struct progress *p, const char *text, size_t length)
{
	if (!file_write_all(p->fd, text, length))
		return; /* a terminal that is gone is no reason to stop */
}

/* Names and messages come from outside: no control character reaches the terminal. */
static void make_printable(char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			*text = '?';
}

void progress_line(struct progress *p, const char *format, ...)
{
	char text[1024];
	va_list args;

	if (!p)
		return;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	make_printable(text);
	if (p->drawn_)
		put(p, "\r\033[K", 4);
	p->drawn_ = false;
	put(p, text, strlen(text));
	put(p, "\n", 1);
}

void progress_bar(struct progress *p, const char *repository, const struct repository_progress *state)
{
	char bar[BAR_WIDTH + 1], text[256];

	if (!p || !p->terminal)
		return;
	int percent = state->total > 0 ? (int)(state->done * 100 / state->total) : 0;
	percent = percent < 0 ? 0 : percent > 100 ? 100 : percent;
	for (int i = 0; i < BAR_WIDTH; i++)
		bar[i] = i * 100 < percent * BAR_WIDTH ? '#' : '.';
	bar[BAR_WIDTH] = '\0';
	snprintf(text, sizeof(text), "%.60s: %s [%s] %3d%% %lld KiB", repository, state->stage, bar, percent,
	         (long long)(state->bytes / 1024));
	make_printable(text);
	put(p, "\r\033[K", 4);
	put(p, text, strlen(text));
	p->drawn_ = true;
}
