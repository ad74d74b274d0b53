#pragma once
/*
 * output_tail — the last bytes of an endless text, in constant memory, and their form for people.
 */
#include "caps.h"
#include "redact.h"

struct output_tail {
	char bytes[LIMIT_AGENT_OUTPUT];
	size_t next;  /* where the next byte goes */
	bool wrapped; /* older bytes were dropped */
};

void output_tail_add(struct output_tail *t, const char *bytes, size_t length);

/* The text: whole lines where the beginning is lost, masked, valid UTF-8, no control characters but tab and line feed. Caller
 * frees. */
char *output_tail_text(const struct output_tail *t, const struct redactor *redactor) MUST_CHECK;
