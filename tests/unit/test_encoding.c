#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "encoding.h"
#include "secret.h"

static void encoders_give_the_vectors_of_rfc_4648(void **state)
{
	static const struct {
		const char *bytes, *hex, *base32, *base64, *base64url;
	} rows[] = {
	        {"", "", "", "", ""},
	        {"f", "66", "my", "Zg==", "Zg"},
	        {"fo", "666f", "mzxq", "Zm8=", "Zm8"},
	        {"foo", "666f6f", "mzxw6", "Zm9v", "Zm9v"},
	        {"foob", "666f6f62", "mzxw6yq", "Zm9vYg==", "Zm9vYg"},
	        {"fooba", "666f6f6261", "mzxw6ytb", "Zm9vYmE=", "Zm9vYmE"},
	        {"foobar", "666f6f626172", "mzxw6ytboi", "Zm9vYmFy", "Zm9vYmFy"},
	        {"\xfb\xff\xfe", "fbfffe", "7p774", "+//+", "-__-"},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		size_t length = strlen(rows[i].bytes);
		CLEANUP(strbuf_release) struct strbuf b = STRBUF_INIT(100);
		encode_hex(&b, rows[i].bytes, length);
		assert_string_equal(b.data, rows[i].hex);
		strbuf_clear(&b);
		encode_base32_lower(&b, rows[i].bytes, length);
		assert_string_equal(b.data, rows[i].base32);
		strbuf_clear(&b);
		encode_base64url(&b, rows[i].bytes, length);
		assert_string_equal(b.data, rows[i].base64url);
		strbuf_clear(&b);
		encode_base64(&b, rows[i].bytes, length);
		assert_string_equal(b.data, rows[i].base64);

		unsigned char back[16];
		size_t back_length = 99;
		assert_true(decode_base64(b.data, b.length, back, sizeof(back), &back_length));
		assert_int_equal(back_length, length);
		assert_memory_equal(back, rows[i].bytes, length);
		assert_true(decode_hex(rows[i].hex, back, sizeof(back), &back_length));
		assert_int_equal(back_length, length);
		assert_memory_equal(back, rows[i].bytes, length);
	}
}

static void decoders_refuse_what_is_not_exact(void **state)
{
	static const struct {
		const char *says, *text;
	} rows[] = {
	        {"padding missing", "Zg"},
	        {"padding alone", "===="},
	        {"padding inside", "Zg==Zg=="},
	        {"too much padding", "Z==="},
	        {"a blank", "Zm9 "},
	        {"the other alphabet", "-__-"},
	        {"a line break", "Zm9v\n"},
	        {"fill bits not zero", "Zh=="},
	        {"fill bits not zero, 2", "Zm9="},
	        {"longer than capacity", "Zm9vYmFyZm9v"},
	};
	unsigned char to[6];
	size_t length = 77;
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (decode_base64(rows[i].text, strlen(rows[i].text), to, sizeof(to), &length))
			fail_msg("accepted: %s", rows[i].says);
	assert_false(decode_base64("Zm\0v", 4, to, sizeof(to), &length));
	assert_false(decode_hex("abc", to, sizeof(to), &length));
	assert_false(decode_hex("zz", to, sizeof(to), &length));
	assert_false(decode_hex("00112233445566", to, sizeof(to), &length));
	assert_int_equal(length, 77);
	assert_true(decode_hex("aBCd", to, sizeof(to), &length));
	assert_memory_equal(to, "\xab\xcd", 2);
}

static void base64_survives_every_length(void **state)
{
	(void)state;
	for (size_t length = 0; length < 70; length++) {
		unsigned char bytes[70], back[70];
		size_t back_length;
		random_bytes(bytes, sizeof(bytes));
		CLEANUP(strbuf_release) struct strbuf b = STRBUF_INIT(200);
		encode_base64(&b, bytes, length);
		assert_true(decode_base64(b.data, b.length, back, sizeof(back), &back_length));
		assert_int_equal(back_length, length);
		assert_memory_equal(back, bytes, length);
	}
}

static void percent_decoding_is_strict(void **state)
{
	static const struct {
		const char *says, *text, *expected; /* NULL: refused */
	} rows[] = {
	        {"both cases of hex", "a%2fb%2F", "a/b/"},
	        {"plus stays plus", "a+b", "a+b"},
	        {"decodes once only", "%252F", "%2F"},
	        {"NUL is refused", "a%00b", NULL},
	        {"cut escape", "a%2", NULL},
	        {"lone percent", "%", NULL},
	        {"not hex", "%zz", NULL},
	        {"sign is no hex", "%+1", NULL},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP(strbuf_release) struct strbuf b = STRBUF_INIT(100);
		bool ok = decode_percent(rows[i].text, strlen(rows[i].text), &b);
		if (ok != (rows[i].expected != NULL) || (ok && strcmp(b.data, rows[i].expected) != 0))
			fail_msg("%s: %d %s", rows[i].says, ok, b.data);
	}
}

static void utf8_is_judged_by_rfc_3629(void **state)
{
	static const struct {
		const char *says, *text;
		bool valid;
	} rows[] = {
	        {"ASCII", "abc", true},
	        {"two, three and four bytes", "ü€😀", true},
	        {"the last code point", "\xf4\x8f\xbf\xbf", true},
	        {"beyond the last", "\xf4\x90\x80\x80", false},
	        {"overlong slash", "\xc0\xaf", false},
	        {"overlong, three bytes", "\xe0\x80\xaf", false},
	        {"surrogate", "\xed\xa0\x80", false},
	        {"lone continuation", "a\x80", false},
	        {"cut character", "a\xe2\x82", false},
	        {"latin-1", "\xfc", false},
	        {"0xff", "\xff", false},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (is_utf8(rows[i].text, strlen(rows[i].text)) != rows[i].valid)
			fail_msg("%s", rows[i].says);
	assert_false(is_utf8("a\0b", 3));
	assert_true(is_utf8("", 0));
}

static void cut_keeps_characters_whole(void **state)
{
	static const struct {
		const char *text;
		size_t max, expected;
	} rows[] = {{"abc", 5, 3}, {"abc", 2, 2}, {"aü", 2, 1}, {"aü", 3, 3}, {"€", 2, 0},
	            {"€", 1, 0},   {"😀", 3, 0},   {"😀x", 4, 4}, {"x", 0, 0}};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_int_equal(utf8_cut(rows[i].text, strlen(rows[i].text), rows[i].max), rows[i].expected);
}

static void uuids_are_version_4_and_differ(void **state)
{
	(void)state;
	char a[37], b[37];
	make_uuid(a);
	make_uuid(b);
	assert_int_equal(strlen(a), 36);
	assert_true(a[8] == '-' && a[13] == '-' && a[18] == '-' && a[23] == '-');
	assert_int_equal(a[14], '4');
	assert_non_null(strchr("89ab", a[19]));
	assert_int_equal(strspn(a, "0123456789abcdef-"), 36);
	assert_string_not_equal(a, b);
}

int main(void)
{
	assert_true(secret_library_init());
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(encoders_give_the_vectors_of_rfc_4648),
	        cmocka_unit_test(decoders_refuse_what_is_not_exact),
	        cmocka_unit_test(base64_survives_every_length),
	        cmocka_unit_test(percent_decoding_is_strict),
	        cmocka_unit_test(utf8_is_judged_by_rfc_3629),
	        cmocka_unit_test(cut_keeps_characters_whole),
	        cmocka_unit_test(uuids_are_version_4_and_differ),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
