/* The lines of a watch, as the network cuts them. */
#include "kube_watch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "alloc.h"
#include "json_row.h"

/* What a watch gave: "A:name@version " for each event. */
struct log {
	struct strbuf text;
	int stop_after; /* events; 0: never */
	int count;
};

static bool take(void *context, enum kube_event_type type, json_t *object)
{
	struct log *log = context;
	static const char letters[] = {[KUBE_ADDED] = 'A', [KUBE_MODIFIED] = 'M', [KUBE_DELETED] = 'D'};
	const json_t *metadata = json_object_get(object, "metadata");

	strbuf_addf(&log->text, "%c:%s@%s ", letters[type], json_string_or(metadata, "name", ""),
	            json_string_or(metadata, "resourceVersion", ""));
	return ++log->count != log->stop_after;
}

/* Feeds `text` in pieces of `piece` bytes, ' standing for ". */
static void feed(struct kube_lines *lines, const char *text, size_t piece)
{
	CLEANUP(strbuf_release) struct strbuf bytes = STRBUF_INIT(65536);

	json_row_text(&bytes, text);
	for (size_t at = 0; at < bytes.length; at += piece)
		if (!kube_lines_add(lines, bytes.data + at, bytes.length - at < piece ? bytes.length - at : piece))
			return;
}

#define EVENT(type, name, version) "{'type':'" type "','object':{'metadata':{'name':'" name "','resourceVersion':'" version "'}}}\n"

static const struct {
	const char *sentence;
	const char *bytes;
	int stop_after;
	const char *events;
	const char *version; /* where the next watch goes on */
	bool ended, broken;
	enum kube_watch_end end;
} rows[] = {
        {"events in their order", EVENT("ADDED", "a", "5") EVENT("MODIFIED", "a", "6") EVENT("DELETED", "a", "7"), 0,
         "A:a@5 M:a@6 D:a@7 ", "7", false, false, KUBE_WATCH_ENDED},
        {"a bookmark moves the version alone", EVENT("ADDED", "a", "5") EVENT("BOOKMARK", "", "90"), 0, "A:a@5 ", "90", false,
         false, KUBE_WATCH_ENDED},
        {"410 inside 200: list again",
         EVENT("ADDED", "a", "5") "{'type':'ERROR','object':{'kind':'Status','code':410,'reason':'Expired'}}\n", 0, "A:a@5 ", "5",
         true, false, KUBE_WATCH_EXPIRED},
        {"another error passes", "{'type':'ERROR','object':{'kind':'Status','code':500}}\n", 0, "", "1", false, true,
         KUBE_WATCH_ENDED},
        {"a cut line is not an event", EVENT("ADDED", "a", "5") "{'type':'ADDED','object':{'metadata'", 0, "A:a@5 ", "5", false,
         false, KUBE_WATCH_ENDED},
        {"not JSON", "<html>\n" EVENT("ADDED", "a", "5"), 0, "", "1", false, true, KUBE_WATCH_ENDED},
        {"an event without a version", "{'type':'ADDED','object':{'metadata':{'name':'a'}}}\n", 0, "", "1", false, true,
         KUBE_WATCH_ENDED},
        {"an event without an object", "{'type':'ADDED'}\n", 0, "", "1", false, true, KUBE_WATCH_ENDED},
        {"an unknown type", EVENT("RENAMED", "a", "5"), 0, "", "1", false, true, KUBE_WATCH_ENDED},
        {"empty lines are nothing", "\n\n" EVENT("ADDED", "a", "5") "\n", 0, "A:a@5 ", "5", false, false, KUBE_WATCH_ENDED},
        {"who stops gets what was not dealt with again", EVENT("ADDED", "a", "5") EVENT("ADDED", "b", "6") EVENT("ADDED", "c", "7"),
         2, "A:a@5 A:b@6 ", "5", true, false, KUBE_WATCH_STOPPED},
};

static void lines_are_read_however_they_are_cut(void **state)
{
	static const size_t pieces[] = {1, 2, 3, 7, 64, 65536};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		for (size_t j = 0; j < ARRAY_SIZE(pieces); j++) {
			struct log log = {.text = STRBUF_INIT(65536), .stop_after = rows[i].stop_after};
			const struct kube_watch watch = {.on_event = take, .context = &log};
			CLEANUP(freep) char *version = xstrdup("1");
			struct kube_lines lines;

			kube_lines_init(&lines, &watch, &version);
			feed(&lines, rows[i].bytes, pieces[j]);
			if (strcmp(log.text.data, rows[i].events) != 0 || strcmp(version, rows[i].version) != 0 ||
			    lines.ended != rows[i].ended || lines.broken != rows[i].broken ||
			    (lines.ended && lines.end != rows[i].end))
				fail_msg("%s, in pieces of %zu: \"%s\" at %s", rows[i].sentence, pieces[j], log.text.data, version);
			kube_lines_release(&lines);
			strbuf_release(&log.text);
		}
	}
}

static void line_without_an_end_is_given_up(void **state)
{
	struct log log = {.text = STRBUF_INIT(65536)};
	const struct kube_watch watch = {.on_event = take, .context = &log};
	CLEANUP(freep) char *version = xstrdup("1");
	struct kube_lines lines;
	char piece[4096];
	int64_t fed = 0;

	(void)state;
	memset(piece, 'x', sizeof(piece));
	kube_lines_init(&lines, &watch, &version);
	while (kube_lines_add(&lines, piece, sizeof(piece)) && fed <= (int64_t)KUBE_LINE_MAX)
		fed += sizeof(piece);
	assert_true(lines.broken);
	assert_true(fed <= (int64_t)KUBE_LINE_MAX);
	kube_lines_release(&lines);
	strbuf_release(&log.text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(lines_are_read_however_they_are_cut),
	        cmocka_unit_test(line_without_an_end_is_given_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
