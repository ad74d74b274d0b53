#include "kube_watch.h"

#include "alloc.h"
#include "caps.h"
#include "clock.h"
#include "http_stream.h"
#include "kube_private.h"

enum {
	TIMEOUT_MIN_S = 300,
	TIMEOUT_SPREAD_S = 300, /* so that not all watches end at once */
	GRACE_S = 30,           /* the server ends a watch itself; later than this it is dead */
	SILENCE_MS = 90 * 1000, /* bookmarks come about every minute: a server that says less may be gone without a word */
};

struct following {
	struct kube_lines lines;
	int status;
	int64_t heard_at_ms;
};

static bool take_head(void *context, int status, const char *content_type UNUSED, const char *location UNUSED,
                      const char *retry_after UNUSED)
{
	struct following *f = context;

	f->status = status;
	f->heard_at_ms = clock_monotonic_ms();
	return status == 200;
}

static bool take_bytes(void *context, const char *bytes, size_t length)
{
	struct following *f = context;

	f->heard_at_ms = clock_monotonic_ms();
	return kube_lines_add(&f->lines, bytes, length);
}

static bool may_go_on(void *context)
{
	struct following *f = context;
	const struct kube_watch *watch = f->lines.watch;
	bool silent = clock_monotonic_ms() - f->heard_at_ms > SILENCE_MS;

	if (!silent && (!watch->goes_on || watch->goes_on(watch->context)))
		return true;
	/* Watching on from the same version, on a connection of its own, costs little and loses nothing. */
	f->lines.ended = true;
	f->lines.end = silent ? KUBE_WATCH_ENDED : KUBE_WATCH_STOPPED;
	return false;
}

static void add_watch_path(struct strbuf *path, const struct kube_watch *watch, const char *version, unsigned timeout_s)
{
	kube_path_add(path, watch->kind, watch->namespace_, NULL);
	strbuf_add_string(path, "?watch=1&allowWatchBookmarks=true&resourceVersion=");
	strbuf_add_percent_encoded(path, version, NULL);
	strbuf_addf(path, "&timeoutSeconds=%u", timeout_s);
}

static unsigned choose_timeout(const struct kube_watch *watch)
{
	uint32_t random;

	random_bytes(&random, sizeof(random));
	return watch->timeout_s ? watch->timeout_s : TIMEOUT_MIN_S + random % TIMEOUT_SPREAD_S;
}

/* What the stream came to. */
static bool conclude(struct kube_client *client, const struct following *f, const struct http_stream_call *stream, bool whole,
                     const struct secret *token, enum kube_watch_end *ret, struct error *err)
{
	if (f->lines.ended || f->status == 410) {
		*ret = f->status == 410 ? KUBE_WATCH_EXPIRED : f->lines.end;
		return true;
	}
	if (whole && f->status == 200 && !f->lines.broken) {
		*ret = KUBE_WATCH_ENDED;
		return true;
	}
	/* The next watch begins with what the file holds by then. */
	if (f->status == 401)
		(void)!kube_credentials_refused(kube_client_credentials(client), token);
	error_set(err, ERR_KUBERNETES_UNAVAILABLE,
	          f->status == 403 ? "The Kubernetes API server does not allow this service to watch them."
	                           : "The Kubernetes API server's changes cannot be followed now.");
	return error_detail(err, "watch %s: %d %s", f->lines.watch->kind->plural, f->status,
	                    f->lines.broken ? "a line that is no event" : stream->failure_text);
}

bool kube_watch_run(struct kube_client *client, const struct kube_watch *watch, char **version, enum kube_watch_end *ret,
                    struct error *err)
{
	CLEANUP(strbuf_release) struct strbuf path = STRBUF_INIT(LIMIT_URL_MAX);
	CLEANUP(secret_release) struct secret token = SECRET_INIT;
	struct following f = {.heard_at_ms = clock_monotonic_ms()};
	unsigned timeout_s = choose_timeout(watch);
	struct kube_link *link = kube_link_take(client, err);

	if (!link)
		return false;
	kube_lines_init(&f.lines, watch, version);
	kube_credentials_token(kube_client_credentials(client), &token);
	add_watch_path(&path, watch, *version, timeout_s);
	CLEANUP(freep) char *url = kube_client_url(client, path.data);
	static const struct http_stream_header headers[] = {{"Accept", "application/json"}};
	struct http_stream_call stream = {.method = "GET",
	                                  .url = url,
	                                  .password = token.length > 0 ? &token : NULL,
	                                  .headers = headers,
	                                  .header_count = ARRAY_SIZE(headers),
	                                  .total_ms = (int64_t)(timeout_s + GRACE_S) * 1000,
	                                  .on_head = take_head,
	                                  .on_body = take_bytes,
	                                  .goes_on = may_go_on,
	                                  .context = &f};
	bool whole = http_stream_run(kube_link_streams(link), &stream);
	bool understood = conclude(client, &f, &stream, whole, &token, ret, err);
	kube_lines_release(&f.lines);
	kube_link_drop(client, link);
	return understood;
}
