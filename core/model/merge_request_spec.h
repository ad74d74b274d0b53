#pragma once
/*
 * merge_request_spec — what a session's spec.mergeRequest {title?, description?, targetBranch?, draft?, labels?} asks for, and the
 * words that stand in for what it leaves out. Floor: model.
 */
#include "json.h"

enum {
	MERGE_REQUEST_TITLE_MAX = 240, /* GitLab takes 255 characters, "Draft: " among them */
	MERGE_REQUEST_LABELS_MAX = 20,
	MERGE_REQUEST_LABEL_MAX = 100
};

/* Strings owned; merge_request_spec_release. */
struct merge_request_spec {
	char *title, *description; /* NULL: to be made */
	char *target_branch;       /* NULL: the default branch */
	char **labels;
	size_t label_count;
	bool draft;
};
#define MERGE_REQUEST_SPEC_INIT ZERO_INIT

/* ERR_FIELD_INVALID, ERR_BRANCH_INVALID. A label holds no comma: GitLab's lists are separated by it. */
bool merge_request_spec_parse(const json_t *object, struct merge_request_spec *ret, struct error *err) MUST_CHECK;
void merge_request_spec_release(struct merge_request_spec *spec);

/* A title out of the session's display name (NULL: none), else of the first line of its description, else of its name. Caller
 * frees. */
char *merge_request_title(const char *display_name, const char *description, const char *session) MUST_CHECK;

/*
 * A description out of the session's. GitLab carries out lines such as "/merge" in a description: those of a text that was not
 * written as one are made ordinary. Caller frees.
 */
char *merge_request_description(const char *description, const char *session) MUST_CHECK;
