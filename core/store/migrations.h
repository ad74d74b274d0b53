#pragma once
/* migrations — the files of migrations/ as they were at build time, in order; made by cmake/embed.cmake. Floor: store, private. */

struct migration {
	unsigned version;
	const char *name;
	const char *sql;
	const char *checksum; /* SHA-256 in hex */
};
extern const struct migration migrations[];
extern const unsigned migration_count;
