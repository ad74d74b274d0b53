#pragma once
/*
 * caps — every cap on something whose size comes from outside, in one place, each with its reason.
 * Reaching a cap is an ordinary error, never an allocation failure. Bytes unless the name says otherwise.
 * Floor: base.
 */
enum {
	/* A PAT is 20 characters (GitLab < 14.5) to 316 (routable tokens, GitLab MR 169322); 512 leaves room. */
	LIMIT_TOKEN_MIN = 8,
	LIMIT_TOKEN_MAX = 512,
	/* Our bearers are 47 characters; cluster tokens (JWT) reach a few KiB. nginx's header buffers are 8 KiB. */
	LIMIT_BEARER_MAX = 8192,
	/* An address that a person pastes; browsers stop at about 2 KiB. */
	LIMIT_URL_MAX = 2048,
	/* GitLab nests groups 20 deep (doc/user/group/subgroups); group levels + project + a relative root. */
	LIMIT_PATH_SEGMENTS = 25,
	LIMIT_HOST_MAX = 253,   /* RFC 1035 */
	LIMIT_BRANCH_MAX = 244, /* git's own practical limit: a ref is a file name with ".lock" */
	/* Kubernetes names (RFC 1123 label / subdomain). */
	LIMIT_PROJECT_NAME_MAX = 63,
	LIMIT_SESSION_NAME_MAX = 253,
	/* User ids: Kubernetes has no limit; OIDC subs are at most 255 ASCII characters. */
	LIMIT_USER_ID_MAX = 1024,
	LIMIT_REQUEST_ID_MAX = 64,

	LIMIT_BODY_AUTH = 16 * 1024,            /* contract: /api/auth bodies; equals nginx's memory buffer */
	LIMIT_BODY_DEFAULT = 256 * 1024,        /* contract: every other body */
	LIMIT_BODY_ADMISSION = 4 * 1024 * 1024, /* an object before and after; etcd takes 1.5 MiB of each */
	LIMIT_JSON_DEPTH = 16,                  /* our own bodies need 6; jansson itself stops at 2048 */
	LIMIT_ANSWER = 1024 * 1024,             /* one API answer of GitLab */
	LIMIT_ANSWER_VALUES = 250000,           /* in one answer: "{}" is 2 bytes there and 250 in memory; 10000 files are 60000 */
	LIMIT_KUBE_VALUES = 1000000,            /* in one answer of the API server: etcd's 1.5 MiB of one object hold fewer */
	LIMIT_ANSWER_HEADERS = 64 * 1024,       /* libcurl alone cuts at 300 KiB */
	LIMIT_GITLAB_SENTENCE = 2048,           /* contract §3: GitLab's words, relayed */
	LIMIT_LOG_LINE = 16 * 1024,
	LIMIT_FILE_CONFIG = 1024 * 1024, /* configuration, key, token and instances files */
	LIMIT_CA_BUNDLE = 16 * 1024 * 1024,

	LIMIT_BRANCHES = 10000,           /* 100 pages of a forge; more than a person looks through */
	LIMIT_TREE_ENTRIES = 10000,       /* of one folder */
	LIMIT_BLOB = 5 * 1024 * 1024,     /* a file that is shown; larger ones are for git */
	LIMIT_PROJECT_REPOSITORIES = 100, /* of one project */
	LIMIT_SESSION_REPOSITORIES = 50,
	LIMIT_DESCRIPTION = 32 * 1024,     /* what the agent is asked to do */
	LIMIT_PUSH_REPORT = 64 * 1024,     /* of a server's answer to a push that the gate reads along */
	LIMIT_SESSION_VARIABLES = 100,     /* of the agent's environment */
	LIMIT_AGENT_OUTPUT = 64 * 1024,    /* the tail of an agent's output that is kept */
	LIMIT_NOTICE = 2 * 1024 * 1024,    /* a session's status, LIMIT_ANSWER at most, with its envelope */
	LIMIT_RECEIVE_COMMANDS = 64 * 1024 /* the command list of one push through the gate */
};
