#pragma once
/*
 * check_list — the one ordered list of checks and its words: address, provider, connection, reachable, tls, token, scopes,
 * repository, read, push, branch. Connect, test, validate, pre-flight and the command line all speak in them. Floor: service.
 */
#include "error.h"

enum check_name {
	CHECK_ADDRESS,
	CHECK_PROVIDER,
	CHECK_CONNECTION,
	CHECK_REACHABLE,
	CHECK_TLS,
	CHECK_TOKEN,
	CHECK_SCOPES,
	CHECK_REPOSITORY,
	CHECK_READ,
	CHECK_PUSH,
	CHECK_BRANCH,
	CHECK_COUNT
};
const char *check_name_text(enum check_name name);

/* NOT_RUN is `null` in the report: nothing is known. */
enum check_state { CHECK_NOT_RUN, CHECK_OK, CHECK_FAILED };

/* Something worth knowing about a check that passed. */
enum check_note_code {
	NOTE_NONE,
	NOTE_CREDENTIALS_DROPPED, /* "url_credentials_dropped" */
	NOTE_ADDRESS_CORRECTED,   /* "address_corrected": parts of the address were not used */
	NOTE_REPO_MOVED,          /* "repo_moved" */
	NOTE_REPO_EMPTY,          /* "repo_empty" */
	NOTE_REPO_MIRROR,         /* "repo_mirror": pushes to it may be overwritten */
	NOTE_BRANCH_NEW,          /* "branch_new": the push will create it */
	NOTE_BRANCH_EXISTS,       /* "branch_exists": and is not where it starts from */
	NOTE_REF_IS_TAG,          /* "ref_is_tag" */
	NOTE_RULES_UNKNOWN,       /* "branch_rules_unknown": the forge does not show them to this user */
	NOTE_COUNT
};
const char *check_note_name(enum check_note_code code);

struct check_note {
	enum check_note_code code;
	char message[512];
};

struct check_list {
	enum check_state states[CHECK_COUNT];
	struct error *errors[CHECK_COUNT];     /* of each failed check, NULL for the others. Owned */
	struct check_note *notes[CHECK_COUNT]; /* of checks that passed; NULL: none. Owned */
};
#define CHECK_LIST_INIT ZERO_INIT
void check_list_release(struct check_list *list);

/* A check that failed stays failed. */
void check_list_pass(struct check_list *list, enum check_name check);
/* Passes the checks from `reachable` up to, not including, `end`: an answer about a later one proves the earlier ones. `tls` only
 * with `https`: plain http has no certificate to check. */
void check_list_pass_network(struct check_list *list, enum check_name end, bool https);
/* The first failure of a check counts; true: this was it. */
bool check_list_fail(struct check_list *list, enum check_name check, const struct error *failure);
/* The first note of a check counts. */
void check_list_note(struct check_list *list, enum check_name check, enum check_note_code code, const char *format, ...)
        PRINTF_LIKE(4, 5);

/* Which check an error of a forge, network or git belongs to: a TLS error to `tls`, an expired token to `token` … */
enum check_name check_of_error(enum error_code code);

/* Fails the check that the error belongs to and passes the network checks before it. The check is told. */
enum check_name check_list_fail_by_error(struct check_list *list, const struct error *failure, bool https);
