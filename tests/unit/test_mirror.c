#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "alloc.h"
#include "mirror_private.h"
#include "mirror_tidy.h"
#include "temporary_folder.h"

#define SESSION_1 "11111111-1111-4111-8111-111111111111"
#define SESSION_2 "22222222-2222-4222-8222-222222222222"
#define TIP_1     "1111111111111111111111111111111111111111"
#define TIP_2     "2222222222222222222222222222222222222222"
#define TIP_3     "3333333333333333333333333333333333333333"
#define PACK(n)   "pack-" #n #n #n #n #n #n #n #n #n #n #n #n #n #n #n #n #n #n #n #n

enum { PACK_BYTES = 10000 };

struct place {
	struct temporary_folder folder;
	char root[PATH_SIZE], workspaces[PATH_SIZE];
};

static int set_up(void **state)
{
	struct place *p = xcalloc(1, sizeof(*p));

	folder_make(&p->folder);
	folder_file(&p->folder, "mirrors", p->root);
	folder_file(&p->folder, "workspaces", p->workspaces);
	*state = p;
	return mkdir(p->workspaces, 0700);
}

static int tear_down(void **state)
{
	struct place *p = *state;

	folder_remove(&p->folder);
	free(p);
	return 0;
}

static void make_folder(const char *path)
{
	if (mkdir(path, 0700) != 0 && errno != EEXIST)
		fail_msg("%s: %s", path, strerror(errno));
}

static void make_file(const char *path, size_t bytes)
{
	CLEANUP(freep) char *content = xcalloc(1, bytes + 1);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0 && write(fd, content, bytes) == (ssize_t)bytes);
	close(fd);
}

static bool exists(const char *path)
{
	struct stat info;

	return lstat(path, &info) == 0;
}

static void start_session(const struct place *p, const char *id)
{
	CLEANUP(freep) char *path = xasprintf("%s/%s", p->workspaces, id);
	make_folder(path);
}

static void end_session(const struct place *p, const char *id)
{
	CLEANUP(freep) char *path = xasprintf("%s/%s", p->workspaces, id);
	assert_int_equal(rmdir(path), 0);
}

static struct mirror open_project(const struct place *p, int64_t project, const char *session)
{
	const struct mirror_use use = {.root = p->root,
	                               .instance = "https://gitlab.com/api/v4",
	                               .provider = PROVIDER_GITLAB,
	                               .project_id = project,
	                               .session_id = session,
	                               .repository = "api",
	                               .workspaces = p->workspaces};
	struct mirror m = MIRROR_INIT;
	struct error err = ERROR_INIT;

	start_session(p, session);
	if (!mirror_open(&use, &m, &err) || !mirror_borrow(&m, &err))
		fail_msg("%s (%s)", err.message, err.detail);
	return m;
}

/* What a job leaves: a bare repository with one pack, and some things that must not be taken over. */
static struct mirror_incoming receive(const struct mirror *m, const char *pack)
{
	static const char *const folders[] = {"", "/objects", "/objects/pack", "/objects/info"};
	static const char *const kinds[] = {".pack", ".idx", ".rev", ".keep"};
	struct mirror_incoming in = MIRROR_INCOMING_INIT;
	struct error err = ERROR_INIT;

	assert_true(mirror_incoming_open(m, &in, &err));
	for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
		CLEANUP(freep) char *path = xasprintf("%s/" MIRROR_INCOMING_GIT "%s", in.path, folders[i]);
		make_folder(path);
	}
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		CLEANUP(freep) char *path = xasprintf("%s/" MIRROR_INCOMING_GIT "/objects/pack/%s%s", in.path, pack, kinds[i]);
		make_file(path, i == 0 ? PACK_BYTES : 10);
	}
	return in;
}

/* Fetches and publishes; gives whether another session was faster. */
static bool publish(struct mirror *m, const char *pack, const char *tip, bool fresh)
{
	CLEANUP(mirror_incoming_release) struct mirror_incoming in = receive(m, pack);
	struct error err = ERROR_INIT;
	bool overtaken = false;

	if (!mirror_publish(m, &in, tip, fresh, &overtaken, &err))
		fail_msg("%s (%s)", err.message, err.detail);
	return overtaken;
}

static bool has_pack(const struct mirror *m, const char *pack, const char *kind)
{
	CLEANUP(freep) char *path = xasprintf("%s/pack/%s%s", m->objects, pack, kind);
	return exists(path);
}

static uint64_t tidy(const struct place *p, uint64_t max_bytes, bool make_room)
{
	const struct mirror_limits limits = {.root = p->root, .workspaces = p->workspaces, .max_bytes = max_bytes};
	return mirror_tidy(&limits, make_room);
}

static void first_session_builds_and_the_next_borrows(void **state)
{
	struct place *p = *state;
	CLEANUP(mirror_release) struct mirror first = open_project(p, 7, SESSION_1);
	bool ready = false;
	struct error err = ERROR_INIT;

	assert_int_equal(first.generation, 0);
	assert_true(mirror_start_building(&first, 0, -1, &ready, &err) && ready);
	assert_false(publish(&first, PACK(ab), TIP_1, true));
	assert_int_equal(first.generation, 1);
	assert_string_equal(first.tip, TIP_1);

	CLEANUP(mirror_release) struct mirror second = open_project(p, 7, SESSION_2);
	assert_int_equal(second.generation, 1);
	assert_string_equal(second.tip, TIP_1);
	assert_string_equal(second.objects, first.objects);
	assert_int_equal(second.packs, 1);

	CLEANUP(mirror_release) struct mirror other = open_project(p, 8, SESSION_2);
	assert_int_equal(other.generation, 0);
}

static void only_packs_are_added_to_a_generation(void **state)
{
	CLEANUP(mirror_release) struct mirror m = open_project(*state, 7, SESSION_1);

	assert_false(publish(&m, PACK(ab), TIP_1, true));
	assert_false(publish(&m, PACK(cd), TIP_2, false));
	assert_int_equal(m.generation, 1);
	assert_string_equal(m.tip, TIP_2);
	assert_int_equal(m.packs, 2);
	assert_true(has_pack(&m, PACK(cd), ".pack") && has_pack(&m, PACK(cd), ".idx") && has_pack(&m, PACK(cd), ".rev"));
	assert_false(has_pack(&m, PACK(cd), ".keep"));
}

static void rewritten_branch_gets_a_generation_without_the_old_objects(void **state)
{
	CLEANUP(mirror_release) struct mirror m = open_project(*state, 7, SESSION_1);
	CLEANUP(mirror_release) struct mirror other = open_project(*state, 7, SESSION_2);

	assert_false(publish(&m, PACK(ab), TIP_1, true));
	struct error err = ERROR_INIT;
	assert_true(mirror_borrow(&other, &err));
	assert_false(publish(&m, PACK(cd), TIP_2, true));
	assert_int_equal(m.generation, 2);
	assert_false(has_pack(&m, PACK(ab), ".pack"));
	assert_true(has_pack(&other, PACK(ab), ".pack")); /* its borrower is not disturbed */
}

static void faster_session_is_noticed(void **state)
{
	struct place *p = *state;
	CLEANUP(mirror_release) struct mirror one = open_project(p, 7, SESSION_1);
	assert_false(publish(&one, PACK(ab), TIP_1, true));
	CLEANUP(mirror_release) struct mirror two = open_project(p, 7, SESSION_2);
	struct error err = ERROR_INIT;

	assert_false(publish(&one, PACK(cd), TIP_2, false));
	assert_false(publish(&two, PACK(cd), TIP_2, false)); /* the same came: nothing to add */
	assert_string_equal(two.tip, TIP_2);
	assert_int_equal(two.packs, 2);

	assert_true(mirror_borrow(&one, &err));
	assert_false(publish(&one, PACK(ef), TIP_3, true));
	assert_true(publish(&two, PACK(ba), TIP_1, false)); /* something else came */
	assert_true(mirror_borrow(&two, &err));
	assert_int_equal(two.generation, 2);
}

static void waiting_session_borrows_what_was_built(void **state)
{
	struct place *p = *state;
	CLEANUP(mirror_release) struct mirror builder = open_project(p, 7, SESSION_1);
	CLEANUP(mirror_release) struct mirror waiting = open_project(p, 7, SESSION_2);
	struct error err = ERROR_INIT;
	bool ready = true;

	assert_true(mirror_start_building(&builder, 0, -1, &ready, &err) && ready);
	assert_true(mirror_start_building(&waiting, 50, -1, &ready, &err));
	assert_false(ready);
	assert_false(publish(&builder, PACK(ab), TIP_1, true));
	mirror_release(&builder);
	assert_true(mirror_start_building(&waiting, 50, -1, &ready, &err) && ready);
	assert_int_equal(waiting.generation, 1);
	assert_int_equal(waiting.building, -1);
}

static void killed_publisher_leaves_nothing_that_is_used(void **state)
{
	struct place *p = *state;
	CLEANUP(mirror_release) struct mirror m = open_project(p, 7, SESSION_1);
	struct error err = ERROR_INIT;

	assert_false(publish(&m, PACK(ab), TIP_1, true));
	const struct mirror_state half = {.generation = 1, .tip = TIP_2};
	assert_true(mirror_state_write(m.folder, &half, true, &err));
	CLEANUP(mirror_release) struct mirror next = open_project(p, 7, SESSION_2);
	assert_int_equal(next.generation, 0);
	assert_false(publish(&next, PACK(cd), TIP_2, true));
	assert_int_equal(next.generation, 2); /* never the name of one that may be borrowed */
}

static void unusable_current_is_no_generation(void **state)
{
	static const char *const contents[] = {"",
	                                       "{}",
	                                       "[1]",
	                                       "{\"generation\": 1, \"tip\": \"short\", \"publishing\": false}",
	                                       "{\"generation\": 9, \"tip\": \"" TIP_1 "\", \"publishing\": false}",
	                                       "\xff"};
	struct place *p = *state;
	CLEANUP(mirror_release) struct mirror m = open_project(p, 7, SESSION_1);
	CLEANUP(freep) char *path = xasprintf("%s/current", m.folder);
	struct error err = ERROR_INIT;

	for (size_t i = 0; i < ARRAY_SIZE(contents); i++) {
		int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
		assert_int_equal(write(fd, contents[i], strlen(contents[i])), strlen(contents[i]));
		close(fd);
		assert_true(mirror_borrow(&m, &err));
		assert_int_equal(m.generation, 0);
	}
}

static void borrowed_generation_is_never_removed(void **state)
{
	struct place *p = *state;
	CLEANUP(mirror_release) struct mirror one = open_project(p, 7, SESSION_1);
	assert_false(publish(&one, PACK(ab), TIP_1, true));
	CLEANUP(freep) char *old = xstrdup(one.objects);
	CLEANUP(mirror_release) struct mirror two = open_project(p, 7, SESSION_2);
	assert_false(publish(&two, PACK(cd), TIP_2, true));

	assert_int_equal(tidy(p, 0, true), 0);
	assert_true(exists(old) && exists(two.objects));
	end_session(p, SESSION_1); /* the old generation's only borrower */
	assert_true(tidy(p, UINT64_MAX, false) >= PACK_BYTES);
	assert_false(exists(old));
	assert_true(exists(two.objects));
	end_session(p, SESSION_2);
	assert_int_equal(tidy(p, UINT64_MAX, false), 0); /* within the limit: kept for the next session */
	assert_true(exists(two.objects));
	assert_true(tidy(p, 0, false) >= PACK_BYTES);
	assert_false(exists(two.objects));
}

static void renamed_workspace_still_borrows(void **state)
{
	struct place *p = *state;
	CLEANUP(mirror_release) struct mirror m = open_project(p, 7, SESSION_1);
	CLEANUP(freep) char *from = xasprintf("%s/" SESSION_1, p->workspaces);
	CLEANUP(freep) char *to = xasprintf("%s/" SESSION_1 ".2", p->workspaces);

	assert_false(publish(&m, PACK(ab), TIP_1, true));
	assert_int_equal(rename(from, to), 0);
	assert_int_equal(tidy(p, 0, true), 0);
	assert_true(exists(m.objects));
}

static void least_recently_used_goes_first(void **state)
{
	struct place *p = *state;
	struct mirror mirrors[3];
	struct error err = ERROR_INIT;

	for (int i = 0; i < 3; i++) {
		mirrors[i] = open_project(p, i + 1, SESSION_1);
		assert_false(publish(&mirrors[i], PACK(ab), TIP_1, true));
	}
	assert_true(mirror_borrow(&mirrors[0], &err));
	for (int i = 0; i < 3; i++) { /* 2, then 3, then 1 */
		CLEANUP(freep) char *path = xasprintf("%s/lock", mirrors[i].folder);
		const struct timespec times[2] = {{.tv_sec = 1000 + (i + 2) % 3}, {.tv_sec = 1000 + (i + 2) % 3}};
		assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
	}
	end_session(p, SESSION_1);
	tidy(p, 2 * PACK_BYTES + 1000, false);
	assert_true(exists(mirrors[0].objects) && !exists(mirrors[1].objects) && exists(mirrors[2].objects));
	tidy(p, PACK_BYTES + 1000, false);
	assert_true(exists(mirrors[0].objects) && !exists(mirrors[2].objects));
	for (int i = 0; i < 3; i++)
		mirror_release(&mirrors[i]);
}

static void dead_sessions_incoming_goes_and_a_live_ones_stays(void **state)
{
	struct place *p = *state;
	CLEANUP(mirror_release) struct mirror m = open_project(p, 7, SESSION_1);
	CLEANUP(mirror_incoming_release) struct mirror_incoming live = receive(&m, PACK(ab));
	char dead[PATH_SIZE] = "";
	int ends[2];

	assert_int_equal(pipe(ends), 0);
	pid_t pid = fork();
	if (pid == 0) { /* dies without a word */
		struct mirror_incoming in = receive(&m, PACK(cd));
		ssize_t wrote = write(ends[1], in.path, strlen(in.path));
		_exit(wrote > 0 ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_true(read(ends[0], dead, sizeof(dead) - 1) > 0);
	close(ends[0]);
	close(ends[1]);
	assert_true(exists(dead) && exists(live.path));
	tidy(p, UINT64_MAX, false);
	assert_true(!exists(dead) && exists(live.path));
}

static void agents_chmod_is_undone(void **state)
{
	struct place *p = *state;
	CLEANUP(mirror_release) struct mirror m = open_project(p, 7, SESSION_1);
	struct error err = ERROR_INIT;
	struct stat info;

	assert_false(publish(&m, PACK(ab), TIP_1, true));
	CLEANUP(freep) char *packs = xasprintf("%s/pack", m.objects);
	CLEANUP(freep) char *pack = xasprintf("%s/" PACK(ab) ".pack", packs);
	assert_int_equal(chmod(pack, 0), 0);
	assert_int_equal(chmod(packs, 0), 0);
	assert_true(mirror_borrow(&m, &err));
	assert_int_equal(m.generation, 1);
	assert_int_equal(stat(pack, &info), 0);
	assert_int_equal(info.st_mode & 0777, 0444);
}

static void foreign_files_are_left_alone(void **state)
{
	static const char *const names[] = {"readme", "lost+found", "0", "k1-x", "1"};
	struct place *p = *state;
	CLEANUP(mirror_release) struct mirror m = open_project(p, 7, SESSION_1);

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		CLEANUP(freep) char *folder = xasprintf("%s/%s", p->root, names[i]);
		CLEANUP(freep) char *file = xasprintf("%s/1", folder);
		make_folder(folder);
		make_file(file, 100);
	}
	tidy(p, 0, true);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		CLEANUP(freep) char *file = xasprintf("%s/%s/1", p->root, names[i]);
		assert_true(exists(file));
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	        TEST(first_session_builds_and_the_next_borrows),
	        TEST(only_packs_are_added_to_a_generation),
	        TEST(rewritten_branch_gets_a_generation_without_the_old_objects),
	        TEST(faster_session_is_noticed),
	        TEST(waiting_session_borrows_what_was_built),
	        TEST(killed_publisher_leaves_nothing_that_is_used),
	        TEST(unusable_current_is_no_generation),
	        TEST(borrowed_generation_is_never_removed),
	        TEST(renamed_workspace_still_borrows),
	        TEST(least_recently_used_goes_first),
	        TEST(dead_sessions_incoming_goes_and_a_live_ones_stays),
	        TEST(agents_chmod_is_undone),
	        TEST(foreign_files_are_left_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
