#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <sys/stat.h>

#include "keyring.h"
#include "strbuf.h"
#include "temporary_folder.h"

#define ALL (KEYRING_PUBLIC | KEYRING_SIGNING | KEYRING_PRIVATE)

struct files {
	struct temporary_folder folder;
	char public_keys[PATH_SIZE], signing_key[PATH_SIZE], private_keys[PATH_SIZE];
	struct keyring_paths paths;
};

static void files_make(struct files *f)
{
	struct error err = ERROR_INIT;

	folder_make(&f->folder);
	f->paths = (struct keyring_paths){folder_file(&f->folder, "public.keys", f->public_keys),
	                                  folder_file(&f->folder, "signing.key", f->signing_key),
	                                  folder_file(&f->folder, "private.keys", f->private_keys)};
	if (!keyring_generate(&f->paths, &err))
		fail_msg("%s", err.message);
}

static void files_remove(struct files *f)
{
	folder_remove(&f->folder);
}

static void read_text(const char *path, char *to, size_t size)
{
	FILE *file = fopen(path, "re");
	size_t length;

	assert_non_null(file);
	length = fread(to, 1, size - 1, file);
	to[length] = '\0';
	fclose(file);
}

static void write_text(const char *path, const char *text)
{
	FILE *file = fopen(path, "we");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static void copy_file(const char *from, const char *to)
{
	char text[4096];

	read_text(from, text, sizeof(text));
	write_text(to, text);
}

static void expect_refused(const struct files *f, unsigned parts, const char *words, const char *why)
{
	struct keyring *keyring = NULL;
	struct error err = ERROR_INIT;

	if (keyring_load(&f->paths, parts, &keyring, &err))
		fail_msg("%s: was loaded", why);
	if (err.code != ERR_CONFIG_INVALID || !strstr(err.message, words))
		fail_msg("%s: %s", why, err.message);
	assert_null(keyring);
}

static void generate_makes_three_files_with_their_modes(void **state UNUSED)
{
	CLEANUP(files_remove) struct files f;
	const struct {
		const char *path;
		mode_t mode;
	} rows[] = {{f.public_keys, 0644}, {f.signing_key, 0600}, {f.private_keys, 0600}};
	struct stat about;

	files_make(&f);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_int_equal(stat(rows[i].path, &about), 0);
		assert_int_equal(about.st_mode & 07777, rows[i].mode);
		assert_int_equal(about.st_nlink, 1);
	}
}

static void generate_never_replaces_a_key(void **state UNUSED)
{
	CLEANUP(files_remove) struct files f;
	struct error err = ERROR_INIT;
	char before[4096], after[4096];

	files_make(&f);
	read_text(f.private_keys, before, sizeof(before));
	assert_false(keyring_generate(&f.paths, &err));
	assert_int_equal(err.code, ERR_CONFLICT);
	unlink(f.public_keys);
	assert_false(keyring_generate(&f.paths, &err));
	assert_int_equal(err.code, ERR_CONFLICT);
	assert_int_not_equal(access(f.public_keys, F_OK), 0);
	read_text(f.private_keys, after, sizeof(after));
	assert_string_equal(before, after);
}

static void generate_leaves_nothing_behind_when_a_folder_is_missing(void **state UNUSED)
{
	CLEANUP(files_remove) struct files f;
	struct error err = ERROR_INIT;
	char nowhere[PATH_SIZE];

	files_make(&f);
	unlink(f.public_keys);
	unlink(f.signing_key);
	unlink(f.private_keys);
	f.paths.public_keys = folder_file(&f.folder, "none/public.keys", nowhere);
	assert_false(keyring_generate(&f.paths, &err));
	assert_int_equal(err.code, ERR_CONFIG_INVALID);
	assert_int_equal(rmdir(f.folder.path), 0); /* it was empty */
}

static void each_part_loads_alone(void **state UNUSED)
{
	CLEANUP(files_remove) struct files f;
	static const unsigned parts[] = {KEYRING_PUBLIC,
	                                 KEYRING_SIGNING,
	                                 KEYRING_PRIVATE,
	                                 KEYRING_PUBLIC | KEYRING_SIGNING,
	                                 KEYRING_PUBLIC | KEYRING_PRIVATE,
	                                 ALL};
	char kid[17];

	files_make(&f);
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		CLEANUP(keyring_freep) struct keyring *keyring = NULL;
		struct error err = ERROR_INIT;

		if (!keyring_load(&f.paths, parts[i], &keyring, &err))
			fail_msg("parts %u: %s", parts[i], err.message);
		assert_int_equal(strlen(keyring_installation(keyring)), 36);
		if (parts[i] == KEYRING_PUBLIC) {
			snprintf(kid, sizeof(kid), "%s", keyring_active_kid(keyring));
			assert_int_equal(strlen(kid), 16);
		}
		assert_int_equal(keyring_can_open(keyring, kid), (parts[i] & KEYRING_PRIVATE) != 0);
		assert_false(keyring_can_open(keyring, "0000000000000000"));
	}
}

static void load_says_how_to_make_missing_keys(void **state UNUSED)
{
	CLEANUP(files_remove) struct files f;
	const char *const paths[] = {f.public_keys, f.signing_key, f.private_keys};

	files_make(&f);
	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		unlink(paths[i]);
		expect_refused(&f, 1U << i, "acp-gitlab keys generate", paths[i]);
	}
}

static void load_refuses_secrets_that_others_may_read(void **state UNUSED)
{
	CLEANUP(files_remove) struct files f;
	static const mode_t modes[] = {0640, 0604, 0660, 0610, 0644};

	files_make(&f);
	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		chmod(f.signing_key, modes[i]);
		expect_refused(&f, KEYRING_SIGNING, "open to others", "signing key");
		chmod(f.private_keys, modes[i]);
		expect_refused(&f, KEYRING_PRIVATE, "open to others", "private keys");
	}
}

/* As a Secret of Kubernetes is mounted, and a credential of systemd: the reader can neither change it nor give it away. */
static void load_takes_a_secret_of_the_superuser_that_a_group_may_read(void **state UNUSED)
{
	enum { SOMEBODY = 65534 };
	CLEANUP(files_remove) struct files f;
	CLEANUP(keyring_freep) struct keyring *keyring = NULL;
	struct error err = ERROR_INIT;
	bool loaded;

	if (geteuid() != 0) {
		print_message("skipped because only the superuser can make such a file\n");
		skip();
	}
	files_make(&f);
	assert_int_equal(chmod(f.folder.path, 0711), 0);
	assert_int_equal(chown(f.signing_key, 0, SOMEBODY), 0);
	assert_int_equal(chown(f.private_keys, SOMEBODY, SOMEBODY), 0);
	assert_int_equal(setegid(SOMEBODY) + seteuid(SOMEBODY), 0);
	assert_int_equal(chmod(f.private_keys, 0440), 0);
	expect_refused(&f, KEYRING_PRIVATE, "open to others", "one's own file");
	assert_int_equal(seteuid(0), 0);
	assert_int_equal(chmod(f.signing_key, 0460), 0);
	assert_int_equal(seteuid(SOMEBODY), 0);
	expect_refused(&f, KEYRING_SIGNING, "open to others", "one that the group may write");
	assert_int_equal(seteuid(0), 0);
	assert_int_equal(chmod(f.signing_key, 0440), 0);
	assert_int_equal(seteuid(SOMEBODY), 0);
	loaded = keyring_load(&f.paths, KEYRING_PUBLIC | KEYRING_SIGNING, &keyring, &err);
	assert_int_equal(seteuid(0) + setegid(0), 0);
	if (!loaded)
		fail_msg("%s", err.message);
}

static void load_refuses_a_file_of_another_installation(void **state UNUSED)
{
	CLEANUP(files_remove) struct files f, other;

	files_make(&f);
	files_make(&other);
	copy_file(other.signing_key, f.signing_key);
	expect_refused(&f, ALL, "another installation", "signing key");
}

/* The other installation's file, made to claim that it is ours. */
static void plant(const struct files *f, const char *from, const char *to)
{
	char ours[4096], theirs[4096];
	const char *id;
	char *place;

	read_text(f->public_keys, ours, sizeof(ours));
	read_text(from, theirs, sizeof(theirs));
	id = strstr(ours, "installation ");
	place = strstr(theirs, "installation ");
	assert_non_null(id);
	assert_non_null(place);
	memcpy(place, id, strlen("installation ") + 36);
	write_text(to, theirs);
}

static void load_refuses_secret_keys_that_do_not_fit_the_public_ones(void **state UNUSED)
{
	CLEANUP(files_remove) struct files f, other;

	files_make(&f);
	files_make(&other);
	plant(&f, other.signing_key, f.signing_key);
	expect_refused(&f, KEYRING_PUBLIC | KEYRING_SIGNING, "not a signer", "a signer that nobody listed");
	plant(&f, other.private_keys, f.private_keys);
	expect_refused(&f, KEYRING_PUBLIC | KEYRING_PRIVATE, "lacks the opening key",
	               "values sealed from now on could not be opened");
}

static void load_refuses_malformed_files(void **state UNUSED)
{
	CLEANUP(files_remove) struct files f;
	static const char installation[] = "installation 00000000-0000-4000-8000-000000000000\n";
	static const struct {
		const char *text;
		const char *words;
		const char *why;
	} rows[] = {
	        {"", "which installation", "an empty file"},
	        {"installation x\n", "not a UUID", "an installation that is no UUID"},
	        {"installation 00000000-0000-4000-8000-00000000000G\n", "not a UUID", "a letter that is no hex digit"},
	        {"nonsense\n", "no place", "an unknown word"},
	        {"open 0011223344556677 AAAA\n", "no place", "a line of another file"},
	        {"seal 0011223344556677 AAAA\n", "number of words", "a missing word"},
	        {"seal 0011223344556677 AAAA active now please\n", "too many words", "words too many"},
	        {"seal 0011223344556677 AAAA active\n", "32 bytes of base64", "a short key"},
	        {"seal 0011223344556677 !!!! active\n", "32 bytes of base64", "no base64"},
	        {"seal 0011223344556677 AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA= maybe\n", "'active' or 'open-only'",
	         "no state"},
	        {"seal 0011223344556677 AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA= active\n", "does not fit",
	         "an id of another key"},
	        {"signer 0011223344556677 AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n", "does not fit",
	         "an id of another signer"},
	};
	char text[512];

	files_make(&f);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		snprintf(text, sizeof(text), "# comment\n\n%s%s",
		         strncmp(rows[i].text, "inst", 4) && *rows[i].text ? installation : "", rows[i].text);
		write_text(f.public_keys, text);
		expect_refused(&f, KEYRING_PUBLIC, rows[i].words, rows[i].why);
	}
}

/* Puts `with` for the first `what` in a file. */
static void replace_in(const char *path, const char *what, const char *with)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT(8192);
	char before[4096];
	char *place;

	read_text(path, before, sizeof(before));
	place = strstr(before, what);
	assert_non_null(place);
	strbuf_add(&text, before, (size_t)(place - before));
	strbuf_add_string(&text, with);
	strbuf_add_string(&text, place + strlen(what));
	write_text(path, text.data);
}

static void load_wants_exactly_one_active_key(void **state UNUSED)
{
	CLEANUP(files_remove) struct files f;
	CLEANUP(files_remove) struct files other;
	char theirs[4096];

	files_make(&f);
	files_make(&other);
	replace_in(f.public_keys, " active", " open-only");
	expect_refused(&f, KEYRING_PUBLIC, "0 active", "none");
	read_text(other.public_keys, theirs, sizeof(theirs));
	*strchr(strstr(theirs, "seal "), '\n') = '\0';
	replace_in(f.public_keys, " open-only", " active");
	replace_in(f.public_keys, "signer ", "\nsigner ");
	replace_in(f.public_keys, "\n\nsigner", "\n#second\nsigner");
	replace_in(f.public_keys, "#second", strstr(theirs, "seal "));
	expect_refused(&f, KEYRING_PUBLIC, "2 active", "two");
	replace_in(f.public_keys, " active", " open-only");
	{
		CLEANUP(keyring_freep) struct keyring *keyring = NULL;

		assert_true(keyring_load(&f.paths, KEYRING_PUBLIC, &keyring, NULL)); /* one of two */
	}
}

static void fingerprints_depend_on_token_and_installation(void **state UNUSED)
{
	CLEANUP(files_remove) struct files f, other;
	CLEANUP(keyring_freep) struct keyring *ours = NULL, *theirs = NULL;
	CLEANUP(secret_release) struct secret token = SECRET_INIT, second = SECRET_INIT;
	char first[65], again[65], different[65], foreign[65];

	files_make(&f);
	files_make(&other);
	assert_true(keyring_load(&f.paths, KEYRING_SIGNING, &ours, NULL));
	assert_true(keyring_load(&other.paths, KEYRING_SIGNING, &theirs, NULL));
	secret_set(&token, "glpat-aaaaaaaaaaaaaaaaaaaa", 26);
	secret_set(&second, "glpat-aaaaaaaaaaaaaaaaaaab", 26);
	keyring_fingerprint(ours, &token, first);
	keyring_fingerprint(ours, &token, again);
	keyring_fingerprint(ours, &second, different);
	keyring_fingerprint(theirs, &token, foreign);
	assert_int_equal(strlen(first), 64);
	assert_string_equal(first, again);
	assert_string_not_equal(first, different);
	assert_string_not_equal(first, foreign);
}

/* ---- The life of keys ---- */

/* "id:active:open:listed …" of all keys in their order. */
static void describe_keys(const struct files *f, char to[256])
{
	CLEANUP(keyring_freep) struct keyring *keyring = NULL;
	struct keyring_key keys[KEYRING_KEYS_MAX];
	struct error err = ERROR_INIT;
	size_t count, used = 0;

	if (!keyring_load(&f->paths, ALL, &keyring, &err))
		fail_msg("%s", err.message);
	count = keyring_keys(keyring, keys);
	to[0] = '\0';
	for (size_t i = 0; i < count; i++)
		used += (size_t)snprintf(to + used, 256 - used, "%s%s%s%s", i ? " " : "", keys[i].active ? "active" : "old",
		                         keys[i].can_open ? "" : "-closed", keys[i].listed ? "" : "-leftover");
}

static void a_key_lives_from_adding_to_retiring(void **state UNUSED)
{
	CLEANUP(files_remove) struct files f;
	CLEANUP(keyring_freep) struct keyring *first = NULL;
	struct error err = ERROR_INIT;
	char kid[17] = "", shown[256], before[4096], after[4096], old[17];

	files_make(&f);
	assert_true(keyring_load(&f.paths, ALL, &first, &err));
	snprintf(old, sizeof(old), "%s", keyring_active_kid(first));
	read_text(f.signing_key, before, sizeof(before));
	assert_true(keyring_add_key(&f.paths, kid, &err));
	describe_keys(&f, shown);
	assert_string_equal(shown, "active old");
	assert_true(keyring_activate(&f.paths, kid, &err));
	assert_true(keyring_activate(&f.paths, kid, &err)); /* said again because nobody knew */
	describe_keys(&f, shown);
	assert_string_equal(shown, "old active");
	assert_false(keyring_retire(&f.paths, kid, &err));
	assert_int_equal(err.code, ERR_CONFLICT);
	assert_false(keyring_retire(&f.paths, "0123456789abcdef", &err));
	assert_int_equal(err.code, ERR_NOT_FOUND);
	assert_true(keyring_retire(&f.paths, old, &err));
	describe_keys(&f, shown);
	assert_string_equal(shown, "active");
	read_text(f.signing_key, after, sizeof(after));
	assert_string_equal(before, after);
	read_text(f.public_keys, after, sizeof(after));
	assert_non_null(strstr(after, "# Public:"));
	assert_non_null(strstr(after, "signer "));
}

static void changed_files_keep_their_modes_and_leave_nothing_beside(void **state UNUSED)
{
	CLEANUP(files_remove) struct files f;
	struct error err = ERROR_INIT;
	struct stat about;
	size_t files = 0;
	char kid[17];

	files_make(&f);
	assert_int_equal(chmod(f.private_keys, 0400), 0);
	assert_int_equal(chmod(f.public_keys, 0640), 0);
	assert_true(keyring_add_key(&f.paths, kid, &err));
	assert_int_equal(stat(f.private_keys, &about), 0);
	assert_int_equal(about.st_mode & 07777, 0400);
	assert_int_equal(stat(f.public_keys, &about), 0);
	assert_int_equal(about.st_mode & 07777, 0640);
	DIR *folder = opendir(f.folder.path);

	assert_non_null(folder);
	while (readdir(folder))
		files++;
	closedir(folder);
	assert_int_equal(files, 2 + 3); /* "." and ".." */
}

static void a_change_that_stopped_halfway_leaves_keys_that_load(void **state UNUSED)
{
	CLEANUP(files_remove) struct files f;
	struct error err = ERROR_INIT;
	char kid[17], public_keys[4096], shown[256];

	files_make(&f);
	read_text(f.public_keys, public_keys, sizeof(public_keys));
	assert_true(keyring_add_key(&f.paths, kid, &err));
	write_text(f.public_keys, public_keys); /* as if it had ended after the private file */
	describe_keys(&f, shown);
	assert_string_equal(shown, "active old-leftover");
	assert_false(keyring_activate(&f.paths, kid, &err)); /* nobody could seal to it */
	assert_true(keyring_retire(&f.paths, kid, &err));
	describe_keys(&f, shown);
	assert_string_equal(shown, "active");
}

static void a_link_is_not_replaced_by_a_file(void **state UNUSED)
{
	CLEANUP(files_remove) struct files f;
	struct error err = ERROR_INIT;
	struct stat about;
	char kid[17], real[PATH_SIZE];

	files_make(&f);
	folder_file(&f.folder, "mounted", real);
	assert_int_equal(rename(f.private_keys, real), 0);
	assert_int_equal(symlink(real, f.private_keys), 0);
	assert_false(keyring_add_key(&f.paths, kid, &err));
	assert_int_equal(err.code, ERR_CONFIG_INVALID);
	assert_int_equal(lstat(f.private_keys, &about), 0);
	assert_true(S_ISLNK(about.st_mode));
}

static void there_is_an_end_to_the_number_of_keys(void **state UNUSED)
{
	CLEANUP(files_remove) struct files f;
	struct error err = ERROR_INIT;
	char kid[17];

	files_make(&f);
	for (int i = 1; i < KEYRING_KEYS_MAX; i++)
		if (!keyring_add_key(&f.paths, kid, &err))
			fail_msg("%d: %s", i, err.message);
	assert_false(keyring_add_key(&f.paths, kid, &err));
	assert_int_equal(err.code, ERR_CONFLICT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(generate_makes_three_files_with_their_modes),
	        cmocka_unit_test(generate_never_replaces_a_key),
	        cmocka_unit_test(generate_leaves_nothing_behind_when_a_folder_is_missing),
	        cmocka_unit_test(each_part_loads_alone),
	        cmocka_unit_test(load_says_how_to_make_missing_keys),
	        cmocka_unit_test(load_refuses_secrets_that_others_may_read),
	        cmocka_unit_test(load_takes_a_secret_of_the_superuser_that_a_group_may_read),
	        cmocka_unit_test(load_refuses_a_file_of_another_installation),
	        cmocka_unit_test(load_refuses_secret_keys_that_do_not_fit_the_public_ones),
	        cmocka_unit_test(load_refuses_malformed_files),
	        cmocka_unit_test(load_wants_exactly_one_active_key),
	        cmocka_unit_test(fingerprints_depend_on_token_and_installation),
	        cmocka_unit_test(a_key_lives_from_adding_to_retiring),
	        cmocka_unit_test(changed_files_keep_their_modes_and_leave_nothing_beside),
	        cmocka_unit_test(a_change_that_stopped_halfway_leaves_keys_that_load),
	        cmocka_unit_test(a_link_is_not_replaced_by_a_file),
	        cmocka_unit_test(there_is_an_end_to_the_number_of_keys),
	};

	if (!secret_library_init())
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
