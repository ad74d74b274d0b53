#pragma once
/*
 * forge_api — requests to one instance's REST API: addresses, the call, its answer as JSON, the host as it is shown. For the floors
 * that know a forge. Floor: forge.
 */
#include "forge.h"

/* A GET of "<api base><path>"; init, run one or several with http_client_run, release. */
struct api_call {
	struct http_call http;
	struct strbuf url;
};

/*
 * `format` makes the path ("/projects/%lld"); text from outside in it is percent-encoded by the caller. An address longer than any
 * server takes makes a call that fails (HTTP_BROKEN), never a shorter address.
 */
void api_call_init(struct api_call *call, const struct forge_access *access, const char *format, ...) PRINTF_LIKE(3, 4);
void api_call_run(struct api_call *call, const struct forge_access *access);
/* Runs both at once: `http` of each is borrowed by one batch. */
void api_call_run_pair(struct api_call *first, struct api_call *second, const struct forge_access *access);
/* Runs all at once. */
void api_calls_run(struct api_call *calls, size_t count, const struct forge_access *access);
void api_call_release(struct api_call *call);

/* For http_call.total_ms: what `access` leaves of its time, at least a second; 0: as long as any call. */
unsigned api_time_left_ms(const struct forge_access *access);

/* One path segment: everything encoded but A-Za-z0-9-_~ ; a dot too, or a name like "x.json" would select a format. Caller frees.
 */
char *api_segment(const char *text) MUST_CHECK;

/* The host as the user knows it, with its port where that is not the default. Caller frees. */
char *api_host(const struct forge_access *access) MUST_CHECK;

/* The answer's body as JSON, whatever its status; NULL without one. Caller decrefs. */
json_t *forge_json(const struct http_call *call) MUST_CHECK;

/* Masks the call's own token in err, whatever its shape: patterns know no token with a prefix that an administrator chose. */
void forge_mask(const struct http_call *call, struct error *err);
