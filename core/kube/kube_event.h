#pragma once
/*
 * kube_event — what happened to an object, as kubectl describe shows it beside the object. Errors as kube_resources.h.
 * Thread-safe. Floor: kube.
 */
#include "kube_resources.h"

/* Borrowed. */
struct kube_event {
	const json_t *about; /* apiVersion, kind, metadata */
	const char *mark;    /* letters and digits: which of the events about this object it is */
	const char *reason;  /* "Cloning" */
	const char *message; /* written masked, up to 1 KiB */
	bool warning;
	int64_t at; /* unix seconds */
};

/* Writes it unless the object has an Event with this mark, whoever wrote that. Events go after an hour or as the server is set up.
 */
bool kube_event_create(struct kube_client *client, const struct kube_event *event, struct error *err) MUST_CHECK;
