/* What a watch sends, in any pieces: the same events and the same place to go on from as in one. */
#include "alloc.h"
#include "fuzz.h"
#include "kube_watch.h"

struct seen {
	size_t events, bytes;
};

static bool take(void *context, enum kube_event_type type, json_t *object)
{
	struct seen *seen = context;

	(void)type;
	FUZZ_ASSERT(json_is_object(object));
	seen->events++;
	seen->bytes += json_object_size(object);
	return seen->events != 50;
}

/* The place to go on from; caller frees. */
static char *feed(const char *data, size_t size, size_t piece, struct seen *seen, struct kube_lines *ret)
{
	const struct kube_watch watch = {.on_event = take, .context = seen};
	char *version = xstrdup("1");

	kube_lines_init(ret, &watch, &version);
	for (size_t at = 0; at < size; at += piece)
		if (!kube_lines_add(ret, data + at, size - at < piece ? size - at : piece))
			break;
	FUZZ_ASSERT(!(ret->ended && ret->broken));
	kube_lines_release(ret);
	return version;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct seen whole = {0}, cut = {0};
	struct kube_lines first, second;
	size_t piece = size > 0 ? 1 + data[0] % 16 : 1;
	CLEANUP(freep) char *a = feed((const char *)data, size, size ? size : 1, &whole, &first);
	CLEANUP(freep) char *b = feed((const char *)data, size, piece, &cut, &second);

	FUZZ_ASSERT(strcmp(a, b) == 0 && whole.events == cut.events && whole.bytes == cut.bytes);
	FUZZ_ASSERT(first.ended == second.ended && first.broken == second.broken);
	return 0;
}
