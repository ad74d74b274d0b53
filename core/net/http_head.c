#include "http_head.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

static const struct field {
	const char *name;
	size_t offset, size;
} fields[] = {
#define FIELD(name, field)                                                                                                         \
	{                                                                                                                          \
		name, offsetof(struct http_head, field), sizeof(((struct http_head *)0)->field)                                    \
	}
        FIELD("content-type", content_type),     FIELD("location", location),
        FIELD("retry-after", retry_after),       FIELD("ratelimit-reset", ratelimit_reset),
        FIELD("ratelimit-name", ratelimit_name), FIELD("server", server),
        FIELD("x-request-id", request_id),       FIELD("x-next-page", next_page),
#undef FIELD
};

/* "HTTP/1.1 200 OK" begins a head. */
static void begin(struct http_head *head, const char *line, size_t length)
{
	size_t bytes = head->bytes;
	const char *blank = memchr(line, ' ', length);
	int status = 0;

	for (const char *p = blank ? blank + 1 : line + length; p < line + length && isdigit((unsigned char)*p) && status < 1000;
	     p++)
		status = status * 10 + (*p - '0');
	*head = (struct http_head){.status = status, .bytes = bytes, .wanted = head->wanted, .wanted_count = head->wanted_count};
	for (size_t i = 0; i < head->wanted_count; i++) {
		head->wanted[i].present = false;
		head->wanted[i].value[0] = '\0';
	}
}

static void copy_value(char *to, size_t capacity, const char *value, size_t length)
{
	if (length >= capacity)
		length = capacity - 1;
	for (size_t i = 0; i < length; i++)
		to[i] = (unsigned char)value[i] < 0x20 || value[i] == 0x7f ? ' ' : value[i];
	to[length] = '\0';
}

static bool is_named(const char *line, size_t name_length, const char *name)
{
	return strlen(name) == name_length && strncasecmp(line, name, name_length) == 0;
}

static void shorten_content_type(char *text)
{
	text[strcspn(text, "; ")] = '\0';
	for (; *text; text++)
		*text = (char)tolower((unsigned char)*text);
}

static void take_field(struct http_head *head, const char *line, size_t name_length, const char *value, size_t length)
{
	if (is_named(line, name_length, "x-gitlab-meta"))
		head->gitlab_meta = true;
	if (is_named(line, name_length, "x-github-request-id"))
		head->github_id = true;
	if (is_named(line, name_length, "cf-ray"))
		head->cf_ray = true;
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		if (!is_named(line, name_length, fields[i].name))
			continue;
		char *to = (char *)head + fields[i].offset;
		/* Half an address is another address. */
		if (to == head->location && length >= fields[i].size)
			length = 0;
		copy_value(to, fields[i].size, value, length);
		if (to == head->content_type)
			shorten_content_type(to);
	}
	for (size_t i = 0; i < head->wanted_count; i++) {
		struct http_header_wanted *one = &head->wanted[i];
		if (!is_named(line, name_length, one->name))
			continue;
		one->present = true;
		copy_value(one->value, sizeof(one->value), value, length);
	}
}

bool http_head_add(struct http_head *head, const char *line, size_t length)
{
	head->bytes += length;
	if (head->bytes > LIMIT_ANSWER_HEADERS)
		return false;
	if (head->complete)
		return true;
	if (length >= 5 && memcmp(line, "HTTP/", 5) == 0) {
		begin(head, line, length);
		return true;
	}
	while (length > 0 && isspace((unsigned char)line[length - 1]))
		length--;
	if (length == 0) {
		head->complete = head->status >= 200;
		return true;
	}
	const char *colon = memchr(line, ':', length);
	if (!colon)
		return true;
	const char *value = colon + 1;
	while (value < line + length && (*value == ' ' || *value == '\t'))
		value++;
	take_field(head, line, (size_t)(colon - line), value, (size_t)(line + length - value));
	return true;
}
