#include "forge_sideband.h"

#include "forge_sentence.h"

#include <string.h>

static const char *strip_prefixes(const char *line, size_t *length, const char *const *prefixes, size_t count)
{
	bool again = true;

	while (again) {
		again = false;
		for (; *length > 0 && (*line == ' ' || *line == '\t'); line++)
			--*length;
		for (size_t i = 0; i < count; i++) {
			size_t prefix = strlen(prefixes[i]);

			if (*length < prefix || strncmp(line, prefixes[i], prefix) != 0)
				continue;
			line += prefix;
			*length -= prefix;
			again = true;
		}
	}
	return line;
}

/* "=====" around GitLab's messages, "————" (in UTF-8) around GitHub's. */
static bool is_frame(const char *line, size_t length)
{
	return strspn(line, "=-_\xe2\x80\x93\x94") >= length;
}

void sideband_join(const char *sideband, const char *const *prefixes, size_t count, struct strbuf *to)
{
	while (*sideband) {
		size_t whole = strcspn(sideband, "\r\n"), length = whole;
		bool replaced = sideband[whole] == '\r' && sideband[whole + 1] != '\n';
		const char *line = strip_prefixes(sideband, &length, prefixes, count);

		if (length > 0 && !replaced && !is_frame(line, length) && strncmp(line, "Resolving deltas:", 17) != 0) {
			if (to->length > 0)
				strbuf_add_char(to, ' ');
			strbuf_add(to, line, length);
		}
		sideband += whole;
		sideband += strspn(sideband, "\r\n");
	}
}

bool sideband_says_outdated(const char *said)
{
	static const char *const signs[] = {"non-fast-forward", "fetch first",          "stale info",
	                                    "cannot lock ref",  "failed to update ref", "incorrect old value"};

	return sentence_has_any(said, signs, ARRAY_SIZE(signs));
}
