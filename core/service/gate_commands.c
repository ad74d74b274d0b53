#include "gate_private.h"

#include "caps.h"
#include "encoding.h"

#include <string.h>

/*
 * git's pack protocol (gitprotocol-pack, "Reference Update Request and Packfile Transfer"):
 *   update-requests = *shallow ( command-list | push-cert )
 *   command-list    = PKT-LINE(old SP new SP name NUL capabilities) *PKT-LINE(old SP new SP name) flush-pkt
 */
enum { PKT_HEADER = 4, PKT_MAX = 65520, OID_SHA1 = 40, OID_SHA256 = 64 };

enum gate_pkt_kind gate_pkt_next(const char *bytes, size_t length, size_t *at, struct gate_pkt *ret)
{
	size_t size = 0;

	for (size_t i = 0; i < PKT_HEADER; i++) {
		int digit;

		if (*at + i >= length)
			return PKT_INCOMPLETE;
		digit = decode_hex_digit(bytes[*at + i]);
		if (digit < 0)
			return PKT_BROKEN;
		size = size * 16 + (size_t)digit;
	}
	if (size == 0) {
		*at += PKT_HEADER;
		return PKT_FLUSH;
	}
	/* 0001 to 0003 belong to protocol 2, which has no push; an empty line has no meaning here. */
	if (size <= PKT_HEADER || size > PKT_MAX)
		return PKT_BROKEN;
	if (length - *at < size)
		return PKT_INCOMPLETE;
	*ret = (struct gate_pkt){.text = bytes + *at + PKT_HEADER, .length = size - PKT_HEADER};
	*at += size;
	return PKT_DATA;
}

static bool starts_with(const struct gate_pkt *line, const char *prefix)
{
	size_t length = strlen(prefix);

	return line->length >= length && memcmp(line->text, prefix, length) == 0;
}

size_t gate_oid_length(const struct gate_pkt *line)
{
	size_t n = 0;

	while (n < line->length && decode_hex_digit(line->text[n]) >= 0)
		n++;
	return (n == OID_SHA1 || n == OID_SHA256) && n < line->length && line->text[n] == ' ' ? n : 0;
}

static bool is_zero_oid(const char *oid, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (oid[i] != '0')
			return false;
	return true;
}

static bool refused(struct error *err, const char *push_branch)
{
	return error_set(err, ERR_GIT_REF_FORBIDDEN, "This session may push only to the branch %s.", push_branch);
}

static bool malformed(struct error *err)
{
	return error_set(err, ERR_BAD_REQUEST, "The list of refs to push is not well-formed.");
}

bool gate_has_capability(const char *capabilities, size_t length, const char *word)
{
	const size_t size = strlen(word);

	for (size_t at = 0; at < length;) {
		size_t end = at;

		while (end < length && capabilities[end] != ' ' && capabilities[end] != '\n')
			end++;
		if (end - at == size && memcmp(capabilities + at, word, size) == 0)
			return true;
		at = end + 1;
	}
	return false;
}

static bool check_capabilities(const char *capabilities, size_t length, struct error *err)
{
	/* A second NUL would hide text from one reader that another one sees. */
	if (memchr(capabilities, '\0', length))
		return malformed(err);
	/* git sends the word only with -o or push.pushOption: the options then stand behind the list. They open and merge requests
	 * and run pipelines with variables (docs.gitlab.com, "Push options"): all of it past the
	 * session. */
	if (gate_has_capability(capabilities, length, "push-options"))
		return error_set(err, ERR_GIT_REF_FORBIDDEN, "Push options are not possible in a session.");
	return true;
}

static bool check_command(struct gate_pkt line, const char *push_branch, struct error *err)
{
	static const char prefix[] = "refs/heads/";
	const char *capabilities = memchr(line.text, '\0', line.length);
	size_t old_length, new_length, branch_length = strlen(push_branch);
	const char *new_oid;

	if (capabilities) {
		if (!check_capabilities(capabilities + 1, line.length - (size_t)(capabilities + 1 - line.text), err))
			return false;
		line.length = (size_t)(capabilities - line.text);
	} else if (line.text[line.length - 1] == '\n') {
		line.length--;
	}
	old_length = gate_oid_length(&line);
	if (old_length == 0)
		return malformed(err);
	line.text += old_length + 1;
	line.length -= old_length + 1;
	new_oid = line.text;
	new_length = gate_oid_length(&line);
	if (new_length != old_length)
		return malformed(err);
	line.text += new_length + 1;
	line.length -= new_length + 1;
	if (is_zero_oid(new_oid, new_length))
		return error_set(err, ERR_GIT_REF_FORBIDDEN, "A session may not delete branches or tags.");
	if (line.length != sizeof(prefix) - 1 + branch_length || !starts_with(&line, prefix) ||
	    memcmp(line.text + sizeof(prefix) - 1, push_branch, branch_length) != 0)
		return refused(err, push_branch);
	return true;
}

static bool check_line(const struct gate_pkt *line, size_t *commands, const char *push_branch, struct error *err)
{
	if (starts_with(line, "shallow "))
		return *commands == 0 || malformed(err);
	if (starts_with(line, "push-cert"))
		return error_set(err, ERR_GIT_REF_FORBIDDEN, "Signed pushes are not possible in a session.");
	/* One branch can be named once; git itself refuses the second. */
	if (*commands > 0)
		return refused(err, push_branch);
	*commands += 1;
	return check_command(*line, push_branch, err);
}

bool gate_check_commands(const char *bytes, size_t length, const char *push_branch, bool *ret_complete, struct error *err)
{
	size_t at = 0, commands = 0;
	struct gate_pkt line;

	if (!push_branch)
		return error_set(err, ERR_GIT_REF_FORBIDDEN, "This session may not push to this repository.");
	for (;;) {
		switch (gate_pkt_next(bytes, length, &at, &line)) {
		case PKT_BROKEN:
			return malformed(err);
		case PKT_INCOMPLETE:
			if (length >= LIMIT_RECEIVE_COMMANDS)
				return error_set(err, ERR_BAD_REQUEST, "The list of refs to push is too long.");
			*ret_complete = false;
			return true;
		case PKT_FLUSH:
			/* git sends a lone flush to try its credential before a large push; nothing may follow it. */
			if (commands == 0 && (at != PKT_HEADER || at != length))
				return malformed(err);
			*ret_complete = true;
			return true;
		case PKT_DATA:
			if (!check_line(&line, &commands, push_branch, err))
				return false;
			break;
		}
	}
}

/* The new object id of the one command, "" where there is none or it moves nothing. */
static void pushed_commit(const char *bytes, size_t length, char ret[OID_SHA256 + 1])
{
	size_t at = 0, oid;
	struct gate_pkt line;

	ret[0] = '\0';
	while (gate_pkt_next(bytes, length, &at, &line) == PKT_DATA) {
		if (starts_with(&line, "shallow "))
			continue;
		oid = gate_oid_length(&line);
		if (oid == 0 || line.length < 2 * oid + 1 || memcmp(line.text, line.text + oid + 1, oid) == 0)
			return;
		memcpy(ret, line.text + oid + 1, oid);
		ret[oid] = '\0';
		return;
	}
}

bool gate_note_push(struct gate_service *s, const struct session_row *session, const char *repository, const char *bytes,
                    size_t length, struct error *err)
{
	char commit[OID_SHA256 + 1];

	pushed_commit(bytes, length, commit);
	return !commit[0] || s->sessions.ops->add_push(s->sessions.state, session->id, repository, commit, err);
}
