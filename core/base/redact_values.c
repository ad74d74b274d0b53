/*
 * The values that a request or session knows to be secret, in every spelling in which another program may repeat them.
 */
#include "redact_parts.h"

#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "encoding.h"

enum {
	SHORTEST_VALUE = 4,     /* shorter ones would mask ordinary text; no token is */
	SHORTEST_ENCODED = 8,   /* characters of base64 that are not met by chance */
	SHORTEST_BEGINNING = 8, /* of a value at the end of a text that was cut */
	SPELLINGS_MAX = 12
};

/* The spelling as bytes; `shared_*`: a base64 digit before or after it holds bits of the value too. */
struct spelling {
	size_t offset, length;
	bool shared_before, shared_after;
};

struct value {
	struct secret texts; /* all spellings, one after another */
	struct spelling spellings[SPELLINGS_MAX];
	size_t count;
	struct value *next;
};

struct redactor {
	struct value *values;
	bool begins[256]; /* whether any spelling begins with this byte: skips nearly every position of a text */
};

struct redactor *redactor_new(void)
{
	return xcalloc(1, sizeof(struct redactor));
}

void redactor_freep(struct redactor **r)
{
	struct value *value = *r ? (*r)->values : NULL;
	while (value) {
		struct value *next = value->next;
		secret_release(&value->texts);
		free(value);
		value = next;
	}
	free(*r);
	*r = NULL;
}

/* Records what was added to texts since `offset` as a spelling, unless it is there already. */
static void record(struct value *value, const struct strbuf *texts, size_t offset, bool shared_before, bool shared_after)
{
	size_t length = texts->length - offset;
	for (size_t i = 0; i < value->count; i++) {
		const struct spelling *known = &value->spellings[i];
		if (known->length == length && memcmp(texts->data + known->offset, texts->data + offset, length) == 0)
			return;
	}
	value->spellings[value->count++] = (struct spelling){offset, length, shared_before, shared_after};
}

static void spell_percent_encoded(struct value *value, const struct secret *secret, struct strbuf *texts)
{
	size_t offset = texts->length;
	strbuf_add_percent_encoded(texts, secret_bytes(secret), NULL);
	record(value, texts, offset, false, false);
	size_t lower = texts->length;
	unsigned hex_digits = 0; /* that follow the last '%' */
	for (size_t i = offset; i < lower; i++) {
		char c = texts->data[i];
		strbuf_add_char(texts, hex_digits && c >= 'A' ? (char)(c | 0x20) : c);
		hex_digits = c == '%' ? 2 : hex_digits ? hex_digits - 1 : 0;
	}
	record(value, texts, lower, false, false);
}

static void spell_json_escaped(struct value *value, const struct secret *secret, bool slash_too, struct strbuf *texts)
{
	size_t offset = texts->length;
	for (const char *c = secret_bytes(secret); *c; c++) {
		if (*c == '"' || *c == '\\' || (slash_too && *c == '/'))
			strbuf_add_char(texts, '\\');
		strbuf_add_char(texts, *c);
	}
	record(value, texts, offset, false, false);
}

/*
 * Inside "user:secret" the value begins at any of three positions of base64's groups of three bytes. Only the digits whose six bits
 * are all the value's are looked for; up to one digit on either side shares bits with its neighbour and is masked along.
 */
static void spell_base64(struct value *value, const struct secret *secret, size_t bytes_before, bool url, struct strbuf *texts)
{
	CLEANUP(strbuf_release_secret) struct strbuf bytes = STRBUF_INIT(SIZE_MAX), encoded = STRBUF_INIT(SIZE_MAX);
	strbuf_add(&bytes, "xx", bytes_before);
	strbuf_add(&bytes, secret_bytes(secret), secret->length);
	(url ? encode_base64url : encode_base64)(&encoded, bytes.data, bytes.length);
	size_t first = (bytes_before * 8 + 5) / 6;
	size_t end = bytes.length * 8 / 6;
	if (end < first + SHORTEST_ENCODED)
		return;
	size_t offset = texts->length;
	strbuf_add(texts, encoded.data + first, end - first);
	record(value, texts, offset, bytes_before % 3 != 0, bytes.length % 3 != 0);
}

void redactor_add(struct redactor *r, const struct secret *secret)
{
	if (secret->length < SHORTEST_VALUE)
		return;
	CLEANUP(strbuf_release_secret) struct strbuf texts = STRBUF_INIT(SIZE_MAX);
	struct value *value = xcalloc(1, sizeof(*value));
	strbuf_add(&texts, secret_bytes(secret), secret->length);
	record(value, &texts, 0, false, false);
	if (!memchr(secret_bytes(secret), '\0', secret->length)) { /* else it is a key, which no text repeats */
		spell_percent_encoded(value, secret, &texts);
		spell_json_escaped(value, secret, false, &texts);
		spell_json_escaped(value, secret, true, &texts);
	}
	for (size_t bytes_before = 0; bytes_before < 3; bytes_before++) {
		spell_base64(value, secret, bytes_before, false, &texts);
		spell_base64(value, secret, bytes_before, true, &texts);
	}
	for (size_t i = 0; i < value->count; i++)
		r->begins[(unsigned char)texts.data[value->spellings[i].offset]] = true;
	secret_set(&value->texts, texts.data, texts.length);
	value->next = r->values;
	r->values = value;
}

/* How much of `spelling` the rest of the text begins with: all of it, a long beginning at the very end, or 0. */
static size_t matched(const char *spelling, size_t length, const char *rest, size_t rest_length)
{
	if (rest_length < length) {
		if (rest_length < SHORTEST_BEGINNING)
			return 0;
		length = rest_length;
	}
	return memcmp(spelling, rest, length) == 0 ? length : 0;
}

/* The longest match at the beginning of rest; 0: none. */
static size_t longest_match(const struct redactor *r, const char *rest, size_t rest_length, const struct spelling **ret)
{
	size_t longest = 0;
	for (const struct value *value = r->values; value; value = value->next) {
		const char *texts = secret_bytes(&value->texts);
		for (size_t i = 0; i < value->count; i++) {
			const struct spelling *spelling = &value->spellings[i];
			size_t length = matched(texts + spelling->offset, spelling->length, rest, rest_length);
			if (length > longest) {
				longest = length;
				*ret = spelling;
			}
		}
	}
	return longest;
}

void redact_values(const struct redactor *r, const char *text, size_t length, struct strbuf *to)
{
	size_t done = 0; /* everything before it is in `to` */
	for (size_t i = 0; i < length;) {
		const struct spelling *spelling = NULL;
		size_t match = r->begins[(unsigned char)text[i]] ? longest_match(r, text + i, length - i, &spelling) : 0;
		if (!match) {
			i++;
			continue;
		}
		size_t begin = i > done && spelling->shared_before ? i - 1 : i;
		strbuf_add(to, text + done, begin - done);
		strbuf_add_string(to, "***");
		i += match;
		/* The digit that shares bits, unless a value begins there: without its first byte it would not be found. */
		if (i < length && spelling->shared_after && !longest_match(r, text + i, length - i, &spelling))
			i++;
		done = i;
	}
	strbuf_add(to, text + done, length - done);
}
