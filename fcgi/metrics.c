#include "metrics.h"

#include "clock.h"
#include "routes.h"
#include "url_parts.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum {
	ROUTES_MAX = 96, /* one more is "none"; checked when metrics are made */
	HOSTS_MAX = 32,
	HOST_SIZE = 128,
};

static const int statuses[] = {200, 201, 202, 204, 400, 401, 403, 404, 405, 409, 412, 413, 415, 422, 429, 500, 502, 503, 504};
enum { STATUSES = ARRAY_SIZE(statuses) + 1 /* and any other */ };

/* Upper bounds in microseconds, and as Prometheus writes them. */
static const struct {
	int64_t us;
	const char *text;
} buckets[] = {{1000, "0.001"},  {2500, "0.0025"}, {5000, "0.005"},  {10000, "0.01"}, {25000, "0.025"},
               {50000, "0.05"},  {100000, "0.1"},  {250000, "0.25"}, {500000, "0.5"}, {1000000, "1"},
               {2500000, "2.5"}, {5000000, "5"},   {10000000, "10"}, {30000000, "30"}};
enum { BUCKETS = ARRAY_SIZE(buckets) + 1 /* and +Inf */ };

struct histogram {
	atomic_uint_fast64_t buckets[BUCKETS]; /* each by itself; summed up when they are written */
	atomic_uint_fast64_t sum_us;
};

struct route_counters {
	atomic_uint_fast64_t by_status[STATUSES];
	struct histogram seconds;
};

enum outcome { OUTCOME_OK, OUTCOME_REFUSED, OUTCOME_LIMITED, OUTCOME_BROKEN, OUTCOME_UNREACHABLE, OUTCOMES };
static const char *const outcome_names[] = {[OUTCOME_OK] = "ok",
                                            [OUTCOME_REFUSED] = "refused",
                                            [OUTCOME_LIMITED] = "rate_limited",
                                            [OUTCOME_BROKEN] = "error",
                                            [OUTCOME_UNREACHABLE] = "unreachable"};

/* A place is claimed once and never given back: 0 free, 1 being named, 2 named. */
struct host_counters {
	atomic_int state;
	char name[HOST_SIZE];
	atomic_uint_fast64_t by_outcome[OUTCOMES];
	struct histogram seconds;
};

struct git_counters {
	atomic_uint_fast64_t whole, broken, sent, received;
};

struct metrics {
	struct route_counters routes[ROUTES_MAX];
	struct host_counters hosts[HOSTS_MAX];
	struct git_counters git[2];
	atomic_int_fast64_t outdated_since; /* unix seconds; 0: no worker is */
};

struct metrics *metrics_new(void)
{
	void *memory = mmap(NULL, sizeof(struct metrics), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED || route_count >= ROUTES_MAX)
		abort();
	return memory;
}

void metrics_freep(struct metrics **metrics)
{
	if (*metrics)
		(void)munmap(*metrics, sizeof(**metrics));
	*metrics = NULL;
}

/* ---- Counting ---- */

static void add(atomic_uint_fast64_t *counter, uint64_t n)
{
	atomic_fetch_add_explicit(counter, n, memory_order_relaxed);
}

static uint64_t read_counter(const atomic_uint_fast64_t *counter)
{
	return atomic_load_explicit(counter, memory_order_relaxed);
}

static void observe(struct histogram *histogram, int64_t us)
{
	size_t i = 0;

	while (i < ARRAY_SIZE(buckets) && us > buckets[i].us)
		i++;
	add(&histogram->buckets[i], 1);
	add(&histogram->sum_us, us > 0 ? (uint64_t)us : 0);
}

static size_t status_index(int status)
{
	size_t i = 0;

	while (i < ARRAY_SIZE(statuses) && statuses[i] != status)
		i++;
	return i;
}

void metrics_request(struct metrics *metrics, int route, int status, int64_t elapsed_us)
{
	struct route_counters *counters;

	if (!metrics)
		return;
	counters = &metrics->routes[route < 0 || route >= ROUTES_MAX - 1 ? ROUTES_MAX - 1 : route];
	add(&counters->by_status[status_index(status)], 1);
	observe(&counters->seconds, elapsed_us);
}

/* The operator's hosts, and the two that need no listing; NULL: none of them. */
static const char *known_host(const struct instances *instances, const char *host)
{
	static const char *const always[] = {"gitlab.com", "github.com", "api.github.com"};

	for (size_t i = 0; i < ARRAY_SIZE(always); i++)
		if (strcmp(always[i], host) == 0)
			return always[i];
	for (size_t i = 0; instances && i < instances->count; i++)
		if (strcmp(instances->items[i].url.host, host) == 0)
			return instances->items[i].url.host;
	return NULL;
}

/*
 * The place of a host; NULL when all are taken. A process that died while it named a place leaves it unusable, and one that was
 * stopped then makes another take a second place of the same name: what is told is the sum.
 */
static struct host_counters *place_of(struct metrics *metrics, const char *host)
{
	enum { PATIENCE = 1000 /* loads; naming a place takes a few */ };

	for (size_t i = 0; i < HOSTS_MAX; i++) {
		struct host_counters *place = &metrics->hosts[i];
		int state = 0;

		if (atomic_compare_exchange_strong(&place->state, &state, 1)) {
			(void)snprintf(place->name, sizeof(place->name), "%s", host);
			atomic_store_explicit(&place->state, 2, memory_order_release);
			return place;
		}
		for (int tries = 0; state == 1 && tries < PATIENCE; tries++)
			state = atomic_load_explicit(&place->state, memory_order_acquire);
		if (atomic_load_explicit(&place->state, memory_order_acquire) == 2 && strcmp(place->name, host) == 0)
			return place;
	}
	return NULL;
}

static enum outcome outcome_of(const struct http_call *call)
{
	if (call->failure != HTTP_OK)
		return OUTCOME_UNREACHABLE;
	if (call->status == 429)
		return OUTCOME_LIMITED;
	return call->status >= 500 ? OUTCOME_BROKEN : call->status >= 400 ? OUTCOME_REFUSED : OUTCOME_OK;
}

void metrics_upstream(struct metrics *metrics, const struct instances *instances, const struct http_call *call)
{
	CLEANUP(url_parts_release) struct url_parts parts = URL_PARTS_INIT;
	struct host_counters *place = NULL;
	const char *host = NULL;

	if (!metrics)
		return;
	if (url_split(call->url, &parts))
		host = known_host(instances, parts.host);
	place = place_of(metrics, host ? host : "other");
	if (!place)
		return;
	add(&place->by_outcome[outcome_of(call)], 1);
	observe(&place->seconds, call->elapsed_us);
}

void metrics_git(struct metrics *metrics, enum metrics_transfer kind, bool whole, uint64_t sent, uint64_t received)
{
	if (!metrics)
		return;
	add(whole ? &metrics->git[kind].whole : &metrics->git[kind].broken, 1);
	add(&metrics->git[kind].sent, sent);
	add(&metrics->git[kind].received, received);
}

/* ---- Writing ---- */

static void head(struct strbuf *to, const char *name, const char *type, const char *help)
{
	strbuf_addf(to, "# HELP acp_gitlab_%s %s\n# TYPE acp_gitlab_%s %s\n", name, help, name, type);
}

/* "name_bucket{labels,le="…"}" and so on; the count is the sum of what was read, so that the three agree. */
static void write_histogram(struct strbuf *to, const char *name, const char *labels, const struct histogram *histogram)
{
	uint64_t total = 0;

	for (size_t i = 0; i < BUCKETS; i++) {
		total += read_counter(&histogram->buckets[i]);
		strbuf_addf(to, "acp_gitlab_%s_bucket{%s,le=\"%s\"} %" PRIu64 "\n", name, labels,
		            i < ARRAY_SIZE(buckets) ? buckets[i].text : "+Inf", total);
	}
	strbuf_addf(to, "acp_gitlab_%s_sum{%s} %.6f\nacp_gitlab_%s_count{%s} %" PRIu64 "\n", name, labels,
	            (double)read_counter(&histogram->sum_us) / 1e6, name, labels, total);
}

static bool was_used(const struct histogram *histogram)
{
	for (size_t i = 0; i < BUCKETS; i++)
		if (read_counter(&histogram->buckets[i]) > 0)
			return true;
	return false;
}

/* What no route was found for has neither. */
static void route_labels(size_t route, const char *pool, char ret[256])
{
	const bool known = route < route_count;

	(void)snprintf(ret, 256, "pool=\"%s\",method=\"%s\",route=\"%s\"", pool, known ? routes[route].method : "",
	               known ? routes[route].pattern : "");
}

static void write_requests(const struct metrics *m, const char *pool, struct strbuf *to)
{
	char labels[256];

	head(to, "http_requests_total", "counter", "Requests that were answered, by route and status.");
	for (size_t r = 0; r < ROUTES_MAX; r++) {
		route_labels(r, pool, labels);
		for (size_t s = 0; s < STATUSES; s++) {
			uint64_t count = read_counter(&m->routes[r].by_status[s]);
			char code[16] = "other";

			if (s < ARRAY_SIZE(statuses))
				(void)snprintf(code, sizeof(code), "%d", statuses[s]);
			if (count > 0)
				strbuf_addf(to, "acp_gitlab_http_requests_total{%s,code=\"%s\"} %" PRIu64 "\n", labels, code,
				            count);
		}
	}
	head(to, "http_request_duration_seconds", "histogram",
	     "How long an answer took, from the first byte read to the last written.");
	for (size_t r = 0; r < ROUTES_MAX; r++) {
		route_labels(r, pool, labels);
		if (was_used(&m->routes[r].seconds))
			write_histogram(to, "http_request_duration_seconds", labels, &m->routes[r].seconds);
	}
}

static bool is_named(const struct host_counters *host)
{
	return atomic_load_explicit(&host->state, memory_order_acquire) == 2;
}

static void sum_up(struct host_counters *sum, const struct host_counters *host)
{
	for (size_t o = 0; o < OUTCOMES; o++)
		add(&sum->by_outcome[o], read_counter(&host->by_outcome[o]));
	for (size_t i = 0; i < BUCKETS; i++)
		add(&sum->seconds.buckets[i], read_counter(&host->seconds.buckets[i]));
	add(&sum->seconds.sum_us, read_counter(&host->seconds.sum_us));
}

/* One entry a name. Returns how many. */
static size_t sum_by_name(const struct metrics *m, struct host_counters ret[HOSTS_MAX])
{
	size_t count = 0;

	for (size_t h = 0; h < HOSTS_MAX; h++) {
		size_t at = 0;

		if (!is_named(&m->hosts[h]))
			continue;
		while (at < count && strcmp(ret[at].name, m->hosts[h].name) != 0)
			at++;
		if (at == count)
			(void)snprintf(ret[count++].name, HOST_SIZE, "%s", m->hosts[h].name);
		sum_up(&ret[at], &m->hosts[h]);
	}
	return count;
}

static void write_upstream(const struct metrics *m, const char *pool, struct strbuf *to)
{
	struct host_counters hosts[HOSTS_MAX] = {0};
	size_t count = sum_by_name(m, hosts);
	char labels[256];

	head(to, "upstream_requests_total", "counter", "Calls to the API of GitLab and GitHub, by instance and outcome.");
	for (size_t h = 0; h < count; h++)
		for (size_t o = 0; o < OUTCOMES; o++)
			strbuf_addf(to,
			            "acp_gitlab_upstream_requests_total{pool=\"%s\",instance=\"%s\",outcome=\"%s\"} %" PRIu64 "\n",
			            pool, hosts[h].name, outcome_names[o], read_counter(&hosts[h].by_outcome[o]));
	head(to, "upstream_request_duration_seconds", "histogram", "How long calls to the API of GitLab and GitHub took.");
	for (size_t h = 0; h < count; h++) {
		(void)snprintf(labels, sizeof(labels), "pool=\"%s\",instance=\"%s\"", pool, hosts[h].name);
		write_histogram(to, "upstream_request_duration_seconds", labels, &hosts[h].seconds);
	}
}

static void write_git(const struct metrics *m, const char *pool, struct strbuf *to)
{
	static const char *const kinds[] = {[METRICS_FETCH] = "fetch", [METRICS_PUSH] = "push"};

	head(to, "git_transfers_total", "counter", "Git transfers through the gate that have ended.");
	for (size_t k = 0; k < ARRAY_SIZE(kinds); k++)
		strbuf_addf(to,
		            "acp_gitlab_git_transfers_total{pool=\"%s\",kind=\"%s\",outcome=\"whole\"} %" PRIu64 "\n"
		            "acp_gitlab_git_transfers_total{pool=\"%s\",kind=\"%s\",outcome=\"broken\"} %" PRIu64 "\n",
		            pool, kinds[k], read_counter(&m->git[k].whole), pool, kinds[k], read_counter(&m->git[k].broken));
	head(to, "git_bytes_total", "counter", "Bytes of git transfers through the gate.");
	for (size_t k = 0; k < ARRAY_SIZE(kinds); k++)
		strbuf_addf(to,
		            "acp_gitlab_git_bytes_total{pool=\"%s\",kind=\"%s\",direction=\"to_instance\"} %" PRIu64 "\n"
		            "acp_gitlab_git_bytes_total{pool=\"%s\",kind=\"%s\",direction=\"from_instance\"} %" PRIu64 "\n",
		            pool, kinds[k], read_counter(&m->git[k].sent), pool, kinds[k], read_counter(&m->git[k].received));
}

void metrics_outdated(struct metrics *metrics)
{
	int_fast64_t none = 0;

	/* The first of several tells since when. */
	if (metrics)
		(void)atomic_compare_exchange_strong(&metrics->outdated_since, &none, clock_now_s());
}

void metrics_fresh(struct metrics *metrics)
{
	if (metrics)
		atomic_store(&metrics->outdated_since, 0);
}

static void write_outdated(const struct metrics *metrics, const char *pool, struct strbuf *to)
{
	const int64_t since = atomic_load(&metrics->outdated_since);

	head(to, "files_outdated_seconds", "gauge",
	     "For how long the pool has worked with former key files, because the new ones cannot be read.");
	strbuf_addf(to, "acp_gitlab_files_outdated_seconds{pool=\"%s\"} %" PRId64 "\n", pool,
	            since > 0 ? clock_now_s() - since : 0);
}

void metrics_write(const struct metrics *metrics, const char *pool, struct strbuf *to)
{
	head(to, "build_info", "gauge", "Which version serves.");
	strbuf_addf(to, "acp_gitlab_build_info{pool=\"%s\",version=\"%s\"} 1\n", pool, ACP_VERSION);
	if (!metrics)
		return;
	write_requests(metrics, pool, to);
	write_upstream(metrics, pool, to);
	write_git(metrics, pool, to);
	write_outdated(metrics, pool, to);
}
