#include "forge_pasted.h"

#include "alloc.h"

#include <string.h>

const char *pasted_begin(const char *pasted)
{
	return pasted + strspn(pasted, "/");
}

char *pasted_rest(const char *pasted, size_t length)
{
	const char *rest = pasted_begin(pasted + length);
	size_t left = strlen(rest);

	while (left > 0 && rest[left - 1] == '/')
		left--;
	return xstrndup(rest, left);
}

bool pasted_is_commit_id(const char *text, size_t length)
{
	return (length == 40 || length == 64) && strspn(text, "0123456789abcdefABCDEF") >= length;
}
