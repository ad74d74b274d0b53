#pragma once
/*
 * render_project — a project's repositories, and what lies in one of them, as the API shows it. Builds JSON and decides nothing;
 * the caller decrefs what it gets.
 */
#include "project_service.h"

/* The list with the members that it came with, and "reports" where they were made. */
json_t *render_project(const struct project_view *view) MUST_CHECK;

/* {"reports":[…]}. */
json_t *render_reports(const struct check_report *reports, size_t count) MUST_CHECK;

/* {"branches":[…]}. */
json_t *render_branches(const struct forge_branch_list *list) MUST_CHECK;

/* {"path", "ref", "entries":[…]}; `ref` NULL: null. */
json_t *render_tree(const char *path, const char *ref, const struct forge_tree *tree) MUST_CHECK;

/* {"content", "encoding", "size"}: text as it is ("utf-8"), anything else in base64. */
json_t *render_blob(const struct strbuf *bytes) MUST_CHECK;
