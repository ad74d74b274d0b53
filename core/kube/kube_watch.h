#pragma once
/*
 * kube_watch — cuts what a watch sends into lines and reads each: pieces come as the network cuts them. Private to kube. Floor:
 * kube.
 */
#include "kube_resources.h"

struct kube_lines {
	const struct kube_watch *watch;
	char **version; /* moved on with every event and bookmark */
	struct strbuf line;
	enum kube_watch_end end; /* once `ended` */
	bool ended;              /* nothing more is read */
	bool broken;             /* a line too long, or none of a watch */
};
#define KUBE_LINE_MAX ((size_t)4 << 20)

void kube_lines_init(struct kube_lines *lines, const struct kube_watch *watch, char **version);
void kube_lines_release(struct kube_lines *lines);
/* False: the watch has ended (`ended` or `broken` says how). */
bool kube_lines_add(struct kube_lines *lines, const char *bytes, size_t length) MUST_CHECK;
