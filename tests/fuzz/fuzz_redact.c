/* Whatever stands around it, a token that was added never survives redaction, and neither does a glpat- token. */
#include "fuzz.h"
#include "redact.h"

static const char token[] = "s3cr3t.Value_of-a-token+9";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(redactor_freep) struct redactor *redactor = redactor_new();
	CLEANUP(secret_release) struct secret secret = SECRET_INIT;
	CLEANUP(strbuf_release) struct strbuf in = STRBUF_INIT(1 << 20);
	CLEANUP(strbuf_release) struct strbuf out = STRBUF_INIT(1 << 22);

	FUZZ_ASSERT(secret_library_init());
	secret_set(&secret, token, sizeof(token) - 1);
	redactor_add(redactor, &secret);
	strbuf_add(&in, data, size / 2);
	strbuf_add(&in, token, sizeof(token) - 1);
	strbuf_add(&in, data + size / 2, size - size / 2);
	redact(redactor, in.data, in.length, &out);
	FUZZ_ASSERT(memmem(out.data, out.length, token, sizeof(token) - 1) == NULL);

	strbuf_clear(&in);
	strbuf_clear(&out);
	strbuf_add(&in, data, size / 2);
	strbuf_add_string(&in, " glpat-0123456789abcdefghij ");
	strbuf_add(&in, data + size / 2, size - size / 2);
	redact(NULL, in.data, in.length, &out);
	FUZZ_ASSERT(memmem(out.data, out.length, "0123456789abcdefghij", 20) == NULL);
	return 0;
}
