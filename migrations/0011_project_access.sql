-- Whether the repositories of a project's settings can be reached, asked with the account of whoever wrote that list. `checked_by` is empty
-- where it is not proven who that was: nothing is asked then. `due_at`: when it is asked next; taking it moves that ahead.
CREATE TABLE project_access (
	project TEXT PRIMARY KEY,
	generation INTEGER NOT NULL,
	seen_at INTEGER NOT NULL,
	checked_by TEXT NOT NULL,
	repositories TEXT NOT NULL,
	findings TEXT,
	due_at INTEGER NOT NULL
) STRICT;
