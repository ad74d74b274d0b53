#include "git_gate.h"

#include <string.h>

#include "alloc.h"
#include "clock.h"
#include "git_transfer.h"

static const char *const service_names[] = {[GIT_UPLOAD_PACK] = "git-upload-pack", [GIT_RECEIVE_PACK] = "git-receive-pack"};

bool git_gate_service(const struct request *request, enum git_service *ret, struct error *err)
{
	CLEANUP(strbuf_release) struct strbuf value = STRBUF_INIT(64);

	if (request_query(request, "service", &value))
		for (unsigned i = 0; i < ARRAY_SIZE(service_names); i++)
			if (strcmp(value.data, service_names[i]) == 0) {
				*ret = (enum git_service)i;
				return true;
			}
	return error_set(err, ERR_BAD_REQUEST,
	                 "The git gate speaks git's smart HTTP protocol only (git-upload-pack, git-receive-pack).");
}

bool git_gate_check_headers(const struct request *request, enum git_service service, struct error *err)
{
	CLEANUP(freep) char *wanted = xasprintf("application/x-%s-request", service_names[service]);
	const char *encoding = request->content_encoding;

	if (!request_content_type_is(request, wanted)) {
		error_set(err, ERR_UNSUPPORTED_MEDIA_TYPE, "This address takes git's requests only.");
		return error_remedy(err, "Use git with the session's repository address.");
	}
	if (!encoding || !*encoding || strcmp(encoding, "identity") == 0)
		return true;
	/* The refs of a push have to be read here; git compresses requests of fetches alone. */
	if (service == GIT_UPLOAD_PACK && (strcmp(encoding, "gzip") == 0 || strcmp(encoding, "x-gzip") == 0))
		return true;
	error_set(err, ERR_UNSUPPORTED_MEDIA_TYPE, "The git gate does not take this Content-Encoding.");
	return error_remedy(err, "Push without compressing the request.");
}

static void log_credential(struct call *call, const struct credential *credential)
{
	CLEANUP(freep) char *shown = credential_shown(credential);

	call_log_message(call, xasprintf("[%s] Using %s", credential->forge->title, shown));
}

/* Keeps for the session's status what kept git from working. What the client did itself is no news to it. */
static bool keep(struct call *call, const struct gate_route *route, enum git_service service, const struct error *failure)
{
	gate_record(&call->app->gate, &call->session, route, call->parameters.repository, service, failure);
	return false;
}

static enum git_service service_of(enum gate_use use)
{
	return use == GATE_FETCH ? GIT_UPLOAD_PACK : GIT_RECEIVE_PACK;
}

static bool open_route(struct call *call, enum gate_use use, struct gate_route *ret, struct error *err)
{
	const enum git_service service = service_of(use);

	call_log(call, "repository", call->parameters.repository);
	call_log(call, "service", service_names[service]);
	if (!gate_route_open(&call->app->gate, &call->session, call->parameters.repository, use, call->request->id, ret, err))
		/* A repository that is not the session's has no place in its status. */
		return err && err->code != ERR_GIT_CREDENTIAL ? keep(call, NULL, service, err) : false;
	redactor_add(call->redactor, &ret->credential.token);
	call_log(call, "instance", ret->host);
	call_log(call, "project_path", ret->project_path);
	log_credential(call, &ret->credential);
	return true;
}

static bool run(struct call *call, const struct gate_route *route, struct git_transfer *transfer, struct error *err)
{
	bool worked = git_transfer_run(transfer, call, route, err);

	if (strcmp(transfer->method, "POST") == 0)
		metrics_git(call->app->metrics, transfer->service == GIT_RECEIVE_PACK ? METRICS_PUSH : METRICS_FETCH, worked,
		            transfer->bytes_sent, transfer->bytes_received);
	call_log_number(call, "bytes_to_instance", (int64_t)transfer->bytes_sent);
	call_log_number(call, "bytes_from_instance", (int64_t)transfer->bytes_received);
	if (!worked && !transfer->client_failed && !transfer->ended)
		return keep(call, route, transfer->service, err);
	return worked;
}

static bool audited(struct call *call, const struct gate_route *route, enum git_service service, bool worked,
                    const struct error *failure)
{
	gate_audit(&call->app->gate, &call->session, route, service == GIT_RECEIVE_PACK ? AUDIT_PUSH : AUDIT_FETCH,
	           call->request->id, worked ? NULL : failure);
	return worked;
}

bool git_gate_info_refs(struct call *call, struct error *err)
{
	CLEANUP(gate_route_release) struct gate_route route = GATE_ROUTE_INIT;
	CLEANUP(git_transfer_release) struct git_transfer transfer = GIT_TRANSFER_INIT;

	if (!git_gate_service(call->request, &transfer.service, err) ||
	    !open_route(call, transfer.service == GIT_RECEIVE_PACK ? GATE_PUSH_BEGINS : GATE_FETCH, &route, err))
		return false;
	transfer.method = "GET";
	strbuf_addf(&transfer.url, "%s/info/refs?service=%s", route.url_base, service_names[transfer.service]);
	strbuf_addf(&transfer.answer_type, "application/x-%s-advertisement", service_names[transfer.service]);
	return audited(call, &route, transfer.service, run(call, &route, &transfer, err), err);
}

static void prepare_post(struct git_transfer *transfer, const struct gate_route *route)
{
	const char *name = service_names[transfer->service];

	transfer->method = "POST";
	strbuf_addf(&transfer->url, "%s/%s", route->url_base, name);
	strbuf_addf(&transfer->request_type, "application/x-%s-request", name);
	strbuf_addf(&transfer->answer_type, "application/x-%s-result", name);
}

bool git_gate_upload_pack(struct call *call, struct error *err)
{
	CLEANUP(gate_route_release) struct gate_route route = GATE_ROUTE_INIT;
	CLEANUP(git_transfer_release) struct git_transfer transfer = GIT_TRANSFER_INIT;

	transfer.service = GIT_UPLOAD_PACK;
	if (!git_gate_check_headers(call->request, transfer.service, err) || !open_route(call, GATE_FETCH, &route, err))
		return false;
	prepare_post(&transfer, &route);
	return audited(call, &route, transfer.service, run(call, &route, &transfer, err), err);
}

enum {
	LONE_FLUSH = 4,      /* "0000" */
	COMMANDS_MS = 60000, /* git sends them in one go, before it sends any of its pack */
	DRAINED_MAX = 64 << 20,
};

/* One more piece of the push's commands. */
static bool read_piece(struct call *call, int64_t deadline_ms, struct strbuf *to, struct error *err)
{
	char piece[8192];
	size_t length = 0;

	if (clock_monotonic_ms() > deadline_ms)
		return error_set(err, ERR_BAD_REQUEST, "The push took too long to say what it pushes.");
	if (!exchange_read(call->exchange, piece, sizeof(piece), &length) || length == 0)
		return error_set(err, ERR_BAD_REQUEST, "The push ended inside its list of refs.");
	strbuf_add(to, piece, length);
	return strbuf_ok(to) || error_set(err, ERR_BAD_REQUEST, "The push names more refs than the git gate takes.");
}

/* Reads the push's commands ahead of its pack; they go on to the instance only when every one of them may pass. */
static bool read_commands(struct call *call, const char *push_branch, struct strbuf *ret, struct error *err)
{
	const int64_t deadline_ms = clock_monotonic_ms() + COMMANDS_MS;
	char piece[1];
	size_t length = 0;
	bool complete = false;

	while (!complete)
		if (!read_piece(call, deadline_ms, ret, err) ||
		    !gate_check_commands(ret->data, ret->length, push_branch, &complete, err))
			return false;
	/* git tries its credential with a lone flush; whatever came after it would pass unread. */
	if (ret->length == LONE_FLUSH && (!exchange_read(call->exchange, piece, sizeof(piece), &length) || length > 0))
		return error_set(err, ERR_BAD_REQUEST, "The push has no list of refs.");
	return true;
}

/* The transfer is whole; whether the server took what was sent, its answer says. The client reads that by itself. */
static void judge_push(struct call *call, const struct gate_route *route, const struct git_transfer *transfer)
{
	struct error refusal = ERROR_INIT;
	bool taken = gate_check_report(route, transfer->heard.data, transfer->heard.length, &refusal);

	if (!taken) {
		call_log(call, "refused", error_name(refusal.code));
		(void)keep(call, route, GIT_RECEIVE_PACK, &refusal);
	}
	(void)audited(call, route, GIT_RECEIVE_PACK, taken, &refusal);
}

/* A client that is still sending reads no answer. */
static bool drain(struct call *call, int64_t deadline_ms)
{
	char piece[8192];
	size_t length = 0, sum = 0;

	do {
		if (!exchange_read(call->exchange, piece, sizeof(piece), &length))
			return false;
		sum += length;
	} while (length > 0 && sum < DRAINED_MAX && clock_monotonic_ms() < deadline_ms);
	return length == 0;
}

/* In git's own form, which its user sees: of any other answer to a push git shows a number. False: there is none. */
static bool refuse_in_gits_words(struct call *call, struct strbuf *commands, const struct error *why)
{
	const int64_t deadline_ms = clock_monotonic_ms() + COMMANDS_MS;
	CLEANUP(strbuf_release) struct strbuf answer = STRBUF_INIT(LIMIT_ANSWER);
	bool complete = false;

	while (gate_refuse_push(commands->data, commands->length, why, &complete, &answer)) {
		if (complete)
			break;
		if (!read_piece(call, deadline_ms, commands, NULL))
			return false;
	}
	if (!complete || !strbuf_ok(&answer) || answer.length == 0 || !drain(call, deadline_ms))
		return false;
	call->response.content_type = "application/x-git-receive-pack-result";
	call->response.code = why->code;
	strbuf_add(&call->response.body, answer.data, answer.length);
	return true;
}

static bool refuse_push(struct call *call, const struct gate_route *route, struct strbuf *commands, const struct error *why)
{
	(void)audited(call, route, GIT_RECEIVE_PACK, false, why);
	if (why->code != ERR_GIT_REF_FORBIDDEN)
		return false;
	(void)keep(call, route, GIT_RECEIVE_PACK, why);
	return refuse_in_gits_words(call, commands, why);
}

bool git_gate_receive_pack(struct call *call, struct error *err)
{
	CLEANUP(gate_route_release) struct gate_route route = GATE_ROUTE_INIT;
	CLEANUP(git_transfer_release) struct git_transfer transfer = GIT_TRANSFER_INIT;

	transfer.service = GIT_RECEIVE_PACK;
	if (!git_gate_check_headers(call->request, transfer.service, err) || !open_route(call, GATE_PUSH, &route, err))
		return false;
	exchange_set_patience(call->exchange, GIT_CLIENT_PATIENCE_S);
	if (!read_commands(call, route.push_branch, &transfer.prefix, err))
		return refuse_push(call, &route, &transfer.prefix, err);
	if (!gate_note_push(&call->app->gate, &call->session, call->parameters.repository, transfer.prefix.data,
	                    transfer.prefix.length, err))
		return audited(call, &route, transfer.service, false, err);
	prepare_post(&transfer, &route);
	transfer.listens = true;
	if (!run(call, &route, &transfer, err))
		return audited(call, &route, transfer.service, false, err);
	judge_push(call, &route, &transfer);
	return true;
}
