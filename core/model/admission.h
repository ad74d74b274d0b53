#pragma once
/*
 * admission — what the API server is told about an AgenticSession or ProjectSettings that somebody is about to write
 * (AdmissionReview v1): whose it is, and which provider its addresses belong to. A pure function of the review; it asks nobody and
 * keeps nothing.
 *
 * The owner of a session is who created it, as the API server has verified it. It stands in an annotation that only this answer
 * writes: what a person wrote there is replaced at creation, and no later request may change it. Nothing else in a resource says
 * whose it is. And since the work is done with that user's token, nobody else may change what a session is asked for. Floor: model.
 */
#include "json.h"

#define ADMISSION_OWNER         "ambient-code.io/owner"     /* of an AgenticSession: who created it */
#define ADMISSION_EDITOR        "ambient-code.io/edited-by" /* of ProjectSettings: who changed its spec last */
#define ADMISSION_CONFIGURATION "acp-gitlab"                /* name of the MutatingWebhookConfiguration */

/*
 * Answers a review; caller: json_decref. A request that is refused is an answer too. ERR_FIELD_INVALID: it is no AdmissionReview v1
 * with a request. Kinds, operations and subresources that are not ours pass unchanged.
 */
bool admission_answer(const json_t *review, json_t **ret, struct error *err) MUST_CHECK;

/* An annotation of an object; NULL: absent or empty. Borrowed. */
const char *admission_annotation(const json_t *object, const char *name);

/*
 * Whether a MutatingWebhookConfiguration sends every object of this group's resource ("agenticsessions") past us and lets none
 * through when we do not answer, so that an annotation cannot be a person's own text; *ret_since (unix seconds) is when it was made
 * or last changed. A configuration that leaves something out (a selector, a condition, an operation, failurePolicy Ignore) proves
 * nothing. `configuration` NULL: there is none.
 */
bool admission_guards(const json_t *configuration, const char *group, const char *resource, int64_t *ret_since);
