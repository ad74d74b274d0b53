/*
 * Whatever stands around it, a token that was added never survives redaction in any spelling, and neither does a glpat- token.
 * First byte: the spelling.
 */
#include "encoding.h"
#include "fuzz.h"
#include "redact.h"

static const char token[] = "s3cr3t.Value_of-a-token+9";
static const char unknown[] = "0123456789abcdefghij";

static void spell(unsigned spelling, struct strbuf *to)
{
	switch (spelling % 4) {
	case 0:
		strbuf_add_string(to, token);
		break;
	case 1:
		strbuf_add_percent_encoded(to, token, NULL);
		break;
	case 2:
		encode_base64(to, token, sizeof(token) - 1);
		break;
	default:
		encode_base64url(to, "oauth2:s3cr3t.Value_of-a-token+9", 7 + sizeof(token) - 1);
		break;
	}
}

static void surround(const uint8_t *data, size_t size, const char *middle, struct strbuf *to)
{
	strbuf_clear(to);
	strbuf_add(to, data, size / 2);
	strbuf_add_string(to, middle);
	strbuf_add(to, data + size / 2, size - size / 2);
}

static bool survives(const struct strbuf *text, const char *part)
{
	return memmem(text->data, text->length, part, strlen(part)) != NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(redactor_freep) struct redactor *redactor = redactor_new();
	CLEANUP(secret_release) struct secret secret = SECRET_INIT;
	CLEANUP(strbuf_release) struct strbuf in = STRBUF_INIT(1 << 20), out = STRBUF_INIT(1 << 22), spelled = STRBUF_INIT(256);

	if (size < 1)
		return 0;
	FUZZ_ASSERT(secret_library_init());
	secret_set(&secret, token, sizeof(token) - 1);
	redactor_add(redactor, &secret);
	spell(data[0], &spelled);
	surround(data + 1, size - 1, spelled.data, &in);
	redact(redactor, in.data, in.length, &out);
	FUZZ_ASSERT(!survives(&out, token) && !survives(&out, spelled.data));

	/* By its look: not if the input itself repeats the value without the prefix that gives it away. */
	if (memmem(data, size, unknown, sizeof(unknown) - 1) != NULL)
		return 0;
	surround(data + 1, size - 1, " glpat-0123456789abcdefghij ", &in);
	strbuf_clear(&out);
	redact(NULL, in.data, in.length, &out);
	FUZZ_ASSERT(!survives(&out, unknown));
	strbuf_clear(&out);
	redact_sentence(NULL, in.data, in.length, 4096, &out);
	FUZZ_ASSERT(out.length <= 4096 && is_utf8(out.data, out.length) && memchr(out.data, '\n', out.length) == NULL);
	FUZZ_ASSERT(!survives(&out, unknown));
	return 0;
}
