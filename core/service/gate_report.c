/* What a server answers to a push: its words, and the state of the ref. */
#include "gate_private.h"

#include "alloc.h"
#include "caps.h"

#include <stdlib.h>
#include <string.h>

/* gitprotocol-capabilities, "side-band-64k": the first byte of a line says what the rest is. */
enum { BAND_REPORT = 1, BAND_WORDS = 2, BAND_ERROR = 3 };

struct reading {
	struct strbuf report; /* the lines that are wrapped in the side band's */
	struct strbuf words;
	char *reason; /* why the ref was refused; NULL: it was not. Owned */
};

static void reading_release(struct reading *r)
{
	strbuf_release(&r->report);
	strbuf_release(&r->words);
	free(r->reason);
}

/* "ng refs/heads/x pre-receive hook declined"; a session pushes one ref alone. */
static void take_line(struct reading *r, const char *line, size_t length)
{
	static const char refused[] = "ng ";
	const char *ref = line + sizeof(refused) - 1, *reason;

	if (length < sizeof(refused) || memcmp(line, refused, sizeof(refused) - 1) != 0)
		return;
	length -= sizeof(refused) - 1;
	free(r->reason);
	r->reason = NULL;
	reason = memchr(ref, ' ', length);
	if (reason) {
		reason++;
		length -= (size_t)(reason - ref);
		length -= length > 0 && reason[length - 1] == '\n';
		r->reason = length > 0 ? xstrndup(reason, length) : NULL;
	}
	if (!r->reason)
		r->reason = xstrdup("refused");
}

static void take_report(struct reading *r)
{
	struct gate_pkt line;

	for (size_t at = 0; gate_pkt_next(r->report.data, r->report.length, &at, &line) == PKT_DATA;)
		take_line(r, line.text, line.length);
}

static void take(struct reading *r, const struct gate_pkt *line)
{
	switch (line->text[0]) {
	case BAND_REPORT:
		strbuf_add(&r->report, line->text + 1, line->length - 1);
		break;
	case BAND_WORDS:
	case BAND_ERROR:
		strbuf_add(&r->words, line->text + 1, line->length - 1);
		break;
	default: /* a client that did not ask for the side band */
		take_line(r, line->text, line->length);
		break;
	}
}

bool gate_check_report(const struct gate_route *route, const char *bytes, size_t length, struct error *err)
{
	CLEANUP(reading_release)
	struct reading r = {.report = STRBUF_INIT(LIMIT_PUSH_REPORT), .words = STRBUF_INIT(LIMIT_PUSH_REPORT)};
	struct gate_pkt line;
	size_t at = 0;

	for (;;) {
		enum gate_pkt_kind kind = gate_pkt_next(bytes, length, &at, &line);
		if (kind == PKT_DATA)
			take(&r, &line);
		else if (kind != PKT_FLUSH)
			break;
	}
	take_report(&r);
	if (!r.reason)
		return true;
	return route->credential.forge->classify_push(r.words.data, r.reason, route->push_branch, route->project_path, err);
}
