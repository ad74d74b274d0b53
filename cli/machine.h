#pragma once
/*
 * machine — the parts of the product that commands on the machine itself work with: keys, database, and the service over both.
 */
#include "account_service.h"
#include "cluster.h"
#include "database.h"
#include "settings.h"

/* What tells a key file from the one that takes its place. */
struct key_files {
	struct {
		uint64_t device, inode;
		int64_t modified_s, modified_ns;
	} files[3];
};

struct machine {
	struct keyring *keyring;
	struct key_files key_files; /* as they were when the keyring was read */
	struct database *database;
	struct address_policy *policy;
	struct instances instances;
	struct http_client *client;
	bool wants_git_tokens;           /* set before the database is opened: `cluster` is for the projects' Secrets, too */
	struct cluster cluster;          /* in place with the database, where tokens lie in Secrets */
	struct audit audit;              /* after machine_open_audit */
	struct account_service accounts; /* borrows the others; in place with the database */
};
#define MACHINE_INIT ZERO_INIT
void machine_release(struct machine *machine);

struct keyring_paths machine_key_paths(const struct settings *settings);

/* `parts` of the keys. */
bool machine_open_keys(struct machine *machine, const struct settings *settings, unsigned parts, struct error *err) MUST_CHECK;
/* For commands that go on for long: reads the keys again if a file of them has changed. When that fails the old ones stay. */
bool machine_refresh_keys(struct machine *machine, const struct settings *settings, unsigned parts, struct error *err) MUST_CHECK;
/* After the keys. `any_state`: for rebuild-index. */
bool machine_open_database(struct machine *machine, const struct settings *settings, bool any_state, struct error *err) MUST_CHECK;
/* Who sits at the command line, as audit lines name them: "operator:root". Caller frees. */
char *machine_operator(void) MUST_CHECK;
/* After the database, where tokens are used or removed: what is done with them is written down under `actor` (borrowed), as `part`
 * of this program (a literal). */
bool machine_open_audit(struct machine *machine, const struct settings *settings, const char *part, const char *actor,
                        struct error *err) MUST_CHECK;
/* After the database: what it takes to ask GitLab. */
bool machine_open_network(struct machine *machine, const struct settings *settings, struct error *err) MUST_CHECK;
