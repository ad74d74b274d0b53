#include "terminal.h"

#include "encoding.h"
#include "redact.h"

#include <langinfo.h>
#include <locale.h>
#include <unistd.h>

/* The character set is asked for without setting the program's locale, which parsers and formats depend on. */
static bool locale_is_utf8(void)
{
	locale_t locale = newlocale(LC_CTYPE_MASK, "", (locale_t)0);
	bool utf8;

	if (!locale)
		return false;
	utf8 = strcmp(nl_langinfo_l(CODESET, locale), "UTF-8") == 0;
	freelocale(locale);
	return utf8;
}

static bool is_terminal(FILE *to)
{
	return isatty(fileno(to)) == 1;
}

/* The character of `length` bytes, which are well-formed. */
static unsigned code_point(const char *bytes, size_t length)
{
	static const unsigned char first_bits[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
	unsigned value = (unsigned char)bytes[0] & first_bits[length];

	for (size_t i = 1; i < length; i++)
		value = value << 6 | ((unsigned char)bytes[i] & 0x3f);
	return value;
}

/* What steers a terminal or the direction of writing instead of showing something. */
static bool is_control(unsigned c)
{
	static const struct {
		unsigned first, last;
	} ranges[] = {
	        {0x00, 0x1f},     {0x7f, 0x9f},     /* C0, DEL, C1 */
	        {0x61c, 0x61c},   {0x200b, 0x200f}, /* marks of direction, characters without width */
	        {0x2028, 0x202e},                   /* line separators, embeddings and overrides */
	        {0x2060, 0x206f}, {0xfeff, 0xfeff}, /* isolates, invisible operators */
	};

	for (size_t i = 0; i < ARRAY_SIZE(ranges); i++)
		if (c >= ranges[i].first && c <= ranges[i].last)
			return true;
	return false;
}

/* What stands for a character of `length` bytes; 0: it itself. */
static char substitute_of(const char *bytes, size_t length, bool ascii)
{
	if (length > 0 && is_control(code_point(bytes, length)))
		return ' ';
	return length == 0 || (ascii && length > 1) ? '?' : '\0';
}

void terminal_clean(struct strbuf *to, const char *text, size_t length, bool ascii)
{
	for (size_t at = 0; at < length;) {
		size_t character = utf8_character(text + at, length - at);
		char substitute = substitute_of(text + at, character, ascii);

		if (substitute != '\0')
			strbuf_add_char(to, substitute);
		else
			strbuf_add(to, text + at, character);
		at += character > 0 ? character : 1;
	}
}

void terminal_line(FILE *to, const char *format, ...)
{
	CLEANUP(strbuf_release)
	struct strbuf text = STRBUF_INIT(TERMINAL_LINE_MAX), masked = STRBUF_INIT((size_t)2 * TERMINAL_LINE_MAX),
	              line = STRBUF_INIT((size_t)2 * TERMINAL_LINE_MAX);
	/* On a terminal of 8 bits the bytes of UTF-8 include C1 controls. */
	const bool ascii = is_terminal(to) && !locale_is_utf8();
	va_list args;

	va_start(args, format);
	strbuf_vaddf(&text, format, args);
	va_end(args);
	redact(NULL, text.data, text.length, &masked);
	terminal_clean(&line, masked.data, masked.length, ascii);
	if (!strbuf_ok(&text) || !strbuf_ok(&masked) || !strbuf_ok(&line))
		(void)fputs("(a text that is too long to be shown)\n", to);
	else
		(void)fprintf(to, "%s\n", line.data);
}

const char *terminal_mark(FILE *to, enum terminal_mark mark)
{
	static const char *const signs[] = {[MARK_OK] = "✓", [MARK_WARNING] = "!", [MARK_FAILED] = "✗", [MARK_NOT_RUN] = "–"};
	static const char *const words[] = {
	        [MARK_OK] = "ok  ", [MARK_WARNING] = "warn", [MARK_FAILED] = "FAIL", [MARK_NOT_RUN] = "-   "};

	return is_terminal(to) && locale_is_utf8() ? signs[mark] : words[mark];
}
