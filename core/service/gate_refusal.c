/* The refusal of a push in git's own form: its client shows it beside each ref, and nothing of any other one. */
#include "gate_private.h"

#include "caps.h"

#include <string.h>

enum { BAND_REPORT = 1, PIECE = 900 /* the older side band takes 999 bytes a line */ };

static void add_pkt(struct strbuf *to, const char *text, size_t length)
{
	strbuf_addf(to, "%04zx", length + 4);
	strbuf_add(to, text, length);
}

/* "ng refs/heads/main This session may push only to …" */
static bool add_command(struct strbuf *report, struct gate_pkt line, const struct error *why)
{
	CLEANUP(strbuf_release) struct strbuf state = STRBUF_INIT(LIMIT_RECEIVE_COMMANDS);

	for (int ids = 0; ids < 2; ids++) {
		size_t length = gate_oid_length(&line);
		if (length == 0)
			return false;
		line.text += length + 1;
		line.length -= length + 1;
	}
	if (line.length > 0 && line.text[line.length - 1] == '\n')
		line.length--;
	strbuf_add_string(&state, "ng ");
	strbuf_add(&state, line.text, line.length);
	strbuf_addf(&state, " %s\n", why->message);
	add_pkt(report, state.data, state.length);
	return strbuf_ok(&state);
}

static void wrap(const struct strbuf *report, struct strbuf *to)
{
	for (size_t at = 0; at < report->length; at += PIECE) {
		const size_t left = report->length - at, length = left < PIECE ? left : PIECE;
		char line[1 + PIECE] = {BAND_REPORT};

		memcpy(line + 1, report->data + at, length);
		add_pkt(to, line, 1 + length);
	}
	strbuf_add_string(to, "0000");
}

/* The commands up to the flush, each as refused. `capabilities`: of the first one. */
static bool add_commands(const char *bytes, size_t length, const struct error *why, struct gate_pkt *capabilities,
                         bool *ret_complete, struct strbuf *report)
{
	struct gate_pkt line;
	enum gate_pkt_kind kind;

	for (size_t at = 0; (kind = gate_pkt_next(bytes, length, &at, &line)) == PKT_DATA;) {
		const char *more = memchr(line.text, '\0', line.length);

		if (line.length > 8 && memcmp(line.text, "shallow ", 8) == 0)
			continue;
		if (more && !capabilities->text)
			*capabilities = (struct gate_pkt){.text = more + 1, .length = line.length - (size_t)(more + 1 - line.text)};
		line.length = more ? (size_t)(more - line.text) : line.length;
		if (!add_command(report, line, why))
			return false;
	}
	*ret_complete = kind == PKT_FLUSH;
	return kind != PKT_BROKEN;
}

bool gate_refuse_push(const char *bytes, size_t length, const struct error *why, bool *ret_complete, struct strbuf *to)
{
	CLEANUP(strbuf_release) struct strbuf report = STRBUF_INIT(to->limit);
	struct gate_pkt capabilities = {0};

	*ret_complete = false;
	add_pkt(&report, "unpack ok\n", strlen("unpack ok\n"));
	if (!add_commands(bytes, length, why, &capabilities, ret_complete, &report))
		return false;
	strbuf_add_string(&report, "0000");
	if (!*ret_complete)
		return true;
	/* The second version tells more of what was taken, and the same of what was not. */
	if (!capabilities.text || (!gate_has_capability(capabilities.text, capabilities.length, "report-status") &&
	                           !gate_has_capability(capabilities.text, capabilities.length, "report-status-v2")))
		return false;
	if (gate_has_capability(capabilities.text, capabilities.length, "side-band-64k") ||
	    gate_has_capability(capabilities.text, capabilities.length, "side-band"))
		wrap(&report, to);
	else
		strbuf_add(to, report.data, report.length);
	return strbuf_ok(&report) && strbuf_ok(to);
}
