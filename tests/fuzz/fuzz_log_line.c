/*
 * Whatever a message or a field holds, the log gets one line of JSON: valid UTF-8, no longer than its cap, nothing in it that
 * steers a terminal, and no secret. The input is cut at NULs into the message and the fields.
 */
#include "caps.h"
#include "encoding.h"
#include "fuzz.h"
#include "log.h"

#include <sys/mman.h>
#include <unistd.h>

static const char token[] = "s3cr3t.Value_of-a-token+9";

static json_t *next_string(const uint8_t **data, size_t *size)
{
	size_t length = strnlen((const char *)*data, *size);
	json_t *string = json_stringn_nocheck((const char *)*data, length);

	*data += length;
	*size -= length;
	if (*size > 0) {
		*data += 1;
		*size -= 1;
	}
	return string;
}

static json_t *make_fields(const uint8_t *data, size_t size)
{
	json_t *fields = json_object(), *object = json_object(), *array = json_array();

	json_object_set_new(fields, "a", next_string(&data, &size));
	json_object_set_new(object, "secret", json_string(token));
	json_object_set_new(object, "b", next_string(&data, &size));
	while (size > 0)
		json_array_append_new(array, next_string(&data, &size));
	json_object_set_new(object, "array", array);
	json_object_set_new(fields, "object", object);
	return fields;
}

static void check_line(const char *line, size_t length)
{
	json_error_t ignored;
	json_t *event;

	FUZZ_ASSERT(length > 1 && length <= LIMIT_LOG_LINE && line[length - 1] == '\n');
	FUZZ_ASSERT(is_utf8(line, length));
	FUZZ_ASSERT(memmem(line, length, token, sizeof(token) - 1) == NULL);
	for (size_t i = 0; i < length - 1; i++) {
		unsigned char byte = (unsigned char)line[i], next = (unsigned char)line[i + 1];

		FUZZ_ASSERT(byte >= 0x20 && byte != 0x7f && !(byte == 0xc2 && next < 0xa0));
	}
	event = json_loadb(line, length, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &ignored);
	FUZZ_ASSERT(json_is_object(event));
	FUZZ_ASSERT(json_is_string(json_object_get(event, "ts")) && json_is_string(json_object_get(event, "msg")));
	FUZZ_ASSERT(strcmp(json_string_value(json_object_get(event, "level")), "info") == 0);
	json_decref(event);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int fd = -1;
	static char line[2 * LIMIT_LOG_LINE];
	CLEANUP(redactor_freep) struct redactor *redactor = redactor_new();
	CLEANUP(secret_release) struct secret secret = SECRET_INIT;
	CLEANUP(freep) char *message = fuzz_text(data, size);
	size_t skip = strlen(message);
	ssize_t length;

	if (fd < 0)
		fd = memfd_create("log", MFD_CLOEXEC);
	FUZZ_ASSERT(fd >= 0 && secret_library_init());
	const struct logger logger = {.fd = fd, .level = LOG_INFO, .program = "fuzz", .pool = "status"};
	secret_set(&secret, token, sizeof(token) - 1);
	redactor_add(redactor, &secret);
	FUZZ_ASSERT(ftruncate(fd, 0) == 0 && lseek(fd, 0, SEEK_SET) == 0);
	log_event(&logger, LOG_INFO, redactor, message, make_fields(data + skip, size - skip));
	length = pread(fd, line, sizeof(line), 0);
	FUZZ_ASSERT(length > 0);
	check_line(line, (size_t)length);
	return 0;
}
