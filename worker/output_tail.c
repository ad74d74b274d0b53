#include "output_tail.h"

#include "encoding.h"

void output_tail_add(struct output_tail *t, const char *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		t->bytes[t->next++] = bytes[i];
		if (t->next == sizeof(t->bytes)) {
			t->next = 0;
			t->wrapped = true;
		}
	}
}

static void keep_printable(char *text, size_t length)
{
	bool utf8 = is_utf8(text, length);

	for (size_t i = 0; i < length; i++) {
		unsigned char c = (unsigned char)text[i];
		if ((c < 0x20 && c != '\n' && c != '\t') || c == 0x7f)
			text[i] = ' ';
		else if (c >= 0x80 && !utf8)
			text[i] = '?';
	}
}

char *output_tail_text(const struct output_tail *t, const struct redactor *redactor)
{
	CLEANUP(strbuf_release) struct strbuf raw = STRBUF_INIT(sizeof(t->bytes));
	/* Masking may lengthen: at worst every eight characters become "glpat-***". */
	struct strbuf text = STRBUF_INIT(2 * sizeof(t->bytes));

	if (t->wrapped)
		strbuf_add(&raw, t->bytes + t->next, sizeof(t->bytes) - t->next);
	strbuf_add(&raw, t->bytes, t->next);

	size_t start = 0;
	if (t->wrapped) { /* a cut line could hold half of a secret, or of a character */
		const char *line_end = memchr(raw.data, '\n', raw.length);
		start = line_end ? (size_t)(line_end - raw.data) + 1 : raw.length;
	}
	keep_printable(raw.data + start, raw.length - start);
	redact(redactor, raw.data + start, raw.length - start, &text);
	return strbuf_detach(&text);
}
