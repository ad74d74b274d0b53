#pragma once
/*
 * gate_pod — session pods at the git gate: which session a pod works for, proven by the token of its ServiceAccount.
 *
 * Two things prove it together. The API server vouches (TokenReview) that the token was issued to one pod, named by its uid, which
 * it alone makes up, and that the pod is still there. And the status of the session's own resource names that uid: statuses are
 * written by the platform's operator and us, by no member of the project. What a member can make (a ServiceAccount or a pod of any
 * name, with any label, annotation or owner reference) names no uid in a status, and a pod that borrows the ServiceAccount of
 * another session's has a uid of its own.
 *
 * A token that is not bound to a pod is nobody's here. Fails closed. A yes holds for REVIEW_YES_MS, as for callers. The server is
 * asked only about tokens that claim to be of that very pod, and after GATE_POD_REFUSALS refusals in GATE_POD_WHILE_MS not at all
 * for a while. Private to gate_service. Floor: service.
 */
#include "identity.h"
#include "session_store.h"

enum { GATE_POD_REFUSALS = 10, GATE_POD_WHILE_MS = 10000 };

struct gate_pods;

/* `reviewer` verifies tokens for the gate's audience; its state outlives this. */
struct gate_pods *gate_pods_new(struct identity reviewer);
void gate_pods_freep(struct gate_pods **slot);

/* Whether it has the form of such a token: three parts, which a session's own credential has not. */
bool gate_pod_is_token(const struct secret *credential);

/*
 * Whether the token is of the pod of this session. ERR_GIT_CREDENTIAL: it is not; ERR_SERVICE_UNAVAILABLE: cannot be checked now;
 * ERR_TOO_MANY_REQUESTS.
 */
bool gate_pod_check(struct gate_pods *pods, const struct session_row *session, const struct secret *token,
                    struct error *err) MUST_CHECK;
