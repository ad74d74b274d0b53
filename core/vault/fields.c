#include "fields.h"

#include "alloc.h"

#define PREFIX_SIZE 4
#define ABSENT      UINT32_MAX

struct field field_of_text(const char *text)
{
	return (struct field){(const unsigned char *)text, text ? strlen(text) : 0};
}

struct field field_of_number(int64_t number, unsigned char storage[8])
{
	uint64_t rest = (uint64_t)number;

	for (size_t i = 0; i < 8; i++, rest >>= 8)
		storage[i] = (unsigned char)(rest & 0xff);
	return (struct field){storage, 8};
}

bool field_to_number(const struct field *field, int64_t *ret)
{
	uint64_t number = 0;

	if (!field->bytes || field->length != 8)
		return false;
	for (size_t i = 8; i-- > 0;)
		number = number << 8 | field->bytes[i];
	*ret = (int64_t)number;
	return true;
}

char *field_to_text(const struct field *field)
{
	if (!field->bytes)
		return NULL;
	return xstrndup((const char *)field->bytes, field->length);
}

size_t fields_size(const struct field *fields, size_t count)
{
	size_t size = 0;

	for (size_t i = 0; i < count; i++)
		size += PREFIX_SIZE + fields[i].length;
	return size;
}

void fields_write(unsigned char *to, const struct field *fields, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		uint32_t prefix = fields[i].bytes ? (uint32_t)fields[i].length : ABSENT;

		for (size_t k = 0; k < PREFIX_SIZE; k++)
			*to++ = (unsigned char)(prefix >> (8 * k) & 0xff);
		if (fields[i].length > 0)
			memcpy(to, fields[i].bytes, fields[i].length);
		to += fields[i].length;
	}
}

bool fields_read(const unsigned char *bytes, size_t length, struct field *ret, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		uint32_t prefix = 0;

		if (length < PREFIX_SIZE)
			return false;
		for (size_t k = PREFIX_SIZE; k-- > 0;)
			prefix = prefix << 8 | bytes[k];
		bytes += PREFIX_SIZE;
		length -= PREFIX_SIZE;
		if (prefix == ABSENT) {
			ret[i] = (struct field){NULL, 0};
			continue;
		}
		if (prefix > length)
			return false;
		ret[i] = (struct field){bytes, prefix};
		bytes += prefix;
		length -= prefix;
	}
	return length == 0;
}
