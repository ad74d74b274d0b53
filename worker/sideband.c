#include "sideband.h"

#include "alloc.h"
#include "caps.h"

enum { LIMIT_SIDEBAND = 64 * 1024, LIMIT_SIDEBAND_LINE = 4096 };

void sideband_init(struct sideband *s)
{
	s->text = (struct strbuf)STRBUF_INIT(LIMIT_SIDEBAND);
	s->line_ = (struct strbuf)STRBUF_INIT(LIMIT_SIDEBAND_LINE);
	s->cr_ = false;
}

void sideband_release(struct sideband *s)
{
	strbuf_release(&s->text);
	strbuf_release(&s->line_);
}

/* Progress lines ("Counting objects: 7%") end with CR and are of no use to anyone later. */
static void end_line(struct sideband *s, bool is_progress)
{
	if (s->line_.length > 0 && !is_progress && s->text.length + s->line_.length < s->text.limit) {
		strbuf_add(&s->text, s->line_.data, s->line_.length);
		strbuf_add_char(&s->text, '\n');
	}
	strbuf_clear(&s->line_);
}

void sideband_add(struct sideband *s, const char *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		if (s->cr_ && bytes[i] != '\n')
			end_line(s, true);
		s->cr_ = bytes[i] == '\r';
		if (bytes[i] == '\n')
			end_line(s, false);
		else if (bytes[i] != '\0' && bytes[i] != '\r')
			strbuf_add_char(&s->line_, bytes[i]);
	}
}

void sideband_finish(struct sideband *s)
{
	end_line(s, s->cr_);
	s->cr_ = false;
}

static bool is_request(const char *below_project)
{
	static const char *const paths[] = {"/-/merge_requests/", "/merge_requests/", "/pull/new/"};

	for (size_t i = 0; i < ARRAY_SIZE(paths); i++)
		if (strncmp(below_project, paths[i], strlen(paths[i])) == 0)
			return true;
	return false;
}

char *sideband_merge_request_url(const struct sideband *s, const char *web_url)
{
	size_t web_length = web_url ? strlen(web_url) : 0;

	for (const char *at = s->text.data; web_length > 0 && (at = strstr(at, web_url)) != NULL; at += web_length) {
		size_t length = strcspn(at, " \t\n");
		if (is_request(at + web_length) && length < LIMIT_URL_MAX)
			return xstrndup(at, length);
	}
	return NULL;
}
