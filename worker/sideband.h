#pragma once
/*
 * sideband — the remote's words during a transfer, put together again: chunks break anywhere, lines end with LF or CR.
 */
#include "strbuf.h"

struct sideband {
	struct strbuf text;  /* whole lines, each ended by LF; capped, later lines are dropped */
	struct strbuf line_; /* private: the line that is not complete yet */
	bool cr_;            /* private: it ended with CR, an LF may follow */
};

void sideband_init(struct sideband *s);
void sideband_release(struct sideband *s);
void sideband_add(struct sideband *s, const char *bytes, size_t length);
/* The last line may have no end. */
void sideband_finish(struct sideband *s);

/* The address where a merge or pull request can be opened, which GitLab and GitHub offer after a push, if it is below `web_url`.
 * NULL: none. Caller frees. */
char *sideband_merge_request_url(const struct sideband *s, const char *web_url) MUST_CHECK;
