#include "token_input.h"

#include "encoding.h"
#include "file.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

enum { INPUT_MAX = 4096 /* a token with blanks around it, as the API takes it */ };

/* ---- The prompt ---- */

/* A terminal that does not echo. Signals wait in a descriptor meanwhile, so that none ends us before it echoes again. */
struct quiet_terminal {
	int fd, signal_fd;
	struct termios before;
	sigset_t mask_before;
	bool is_quiet;
};
#define QUIET_TERMINAL_INIT(terminal)                                                                                              \
	{                                                                                                                          \
		.fd = (terminal), .signal_fd = -1                                                                                  \
	}

static void quiet_end(struct quiet_terminal *t)
{
	if (t->is_quiet) {
		(void)tcsetattr(t->fd, TCSAFLUSH, &t->before);
		(void)write(STDERR_FILENO, "\n", 1);
	}
	if (t->signal_fd >= 0) {
		close(t->signal_fd);
		(void)sigprocmask(SIG_SETMASK, &t->mask_before, NULL);
	}
	*t = (struct quiet_terminal)QUIET_TERMINAL_INIT(-1);
}

static bool quiet_begin(struct quiet_terminal *t, struct error *err)
{
	static const int ends[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
	struct termios quiet;
	sigset_t taken, held;

	sigemptyset(&taken);
	for (size_t i = 0; i < ARRAY_SIZE(ends); i++)
		sigaddset(&taken, ends[i]);
	held = taken;
	sigaddset(&held, SIGTSTP); /* stops us once the terminal echoes again */
	if (sigprocmask(SIG_BLOCK, &held, &t->mask_before) == 0)
		t->signal_fd = signalfd(-1, &taken, SFD_CLOEXEC);
	if (t->signal_fd >= 0 && tcgetattr(t->fd, &t->before) == 0) {
		quiet = t->before;
		quiet.c_lflag &= ~(tcflag_t)(ECHO | ECHONL);
		t->is_quiet = tcsetattr(t->fd, TCSAFLUSH, &quiet) == 0;
	}
	if (t->is_quiet)
		return true;
	error_set(err, ERR_INTERNAL, "The terminal cannot be kept from showing the token.");
	return error_remedy(err, "Use --token-file, or send the token to standard input.");
}

/* Whether there is something to read; false: a signal came first, or the terminal is gone. */
static bool wait_for_input(const struct quiet_terminal *t, int *ret_signal)
{
	struct pollfd waits[] = {{.fd = t->fd, .events = POLLIN}, {.fd = t->signal_fd, .events = POLLIN}};
	struct signalfd_siginfo info;

	while (poll(waits, ARRAY_SIZE(waits), -1) < 0)
		if (errno != EINTR)
			return false;
	if (!(waits[1].revents & POLLIN))
		return true;
	if (read(t->signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info))
		*ret_signal = (int)info.ssi_signo;
	return false;
}

/* ---- Reading ---- */

/* More of the input; false at its end. A terminal gives a line at a time. */
static bool read_more(int fd, struct strbuf *to)
{
	char piece[512];
	ssize_t got;

	do
		got = read(fd, piece, sizeof(piece));
	while (got < 0 && errno == EINTR);
	if (got > 0)
		strbuf_add(to, piece, (size_t)got);
	wipe(piece, sizeof(piece));
	return got > 0 && strbuf_ok(to);
}

static bool ends_line(const struct strbuf *text)
{
	return text->length > 0 && text->data[text->length - 1] == '\n';
}

static bool read_quietly(int fd, const char *prompt, struct strbuf *to, int *ret_signal, struct error *err)
{
	CLEANUP(quiet_end) struct quiet_terminal terminal = QUIET_TERMINAL_INIT(fd);

	if (!quiet_begin(&terminal, err))
		return false;
	(void)dprintf(STDERR_FILENO, "%s: ", prompt);
	while (!ends_line(to) && wait_for_input(&terminal, ret_signal))
		if (!read_more(fd, to))
			break;
	return true;
}

static bool ask(int fd, const char *prompt, struct strbuf *to, struct error *err)
{
	int signal_number = 0;

	if (!read_quietly(fd, prompt, to, &signal_number, err))
		return false;
	if (signal_number == 0)
		return true;
	(void)raise(signal_number);
	return error_set(err, ERR_INTERNAL, "Interrupted by a signal.");
}

static bool read_file(const char *path, struct strbuf *to, struct error *err)
{
	struct error cause = ERROR_INIT;

	if (file_read(path, to, &cause))
		return true;
	error_set(err, ERR_FIELD_INVALID, "%s", cause.message);
	return error_remedy(err, "Name a file that holds the token and nothing else.");
}

/* ---- The token in it ---- */

static bool keep(const struct strbuf *text, struct secret *ret, struct error *err)
{
	size_t start = strspn(text->data, " \t\r\n"), end = text->length;
	CLEANUP(secret_release) struct secret token = SECRET_INIT;

	while (end > start && strchr(" \t\r\n", text->data[end - 1]))
		end--;
	if (end == start && strbuf_ok(text)) {
		error_set(err, ERR_FIELD_MISSING, "No token was given.");
		return error_remedy(err, "Send it to standard input, name its file with --token-file, or type it at the prompt.");
	}
	secret_set(&token, text->data + start, end - start);
	if (!strbuf_ok(text) || !secret_is_one_line(&token) || !is_utf8(secret_bytes(&token), token.length))
		return error_set(err, ERR_TOKEN_MALFORMED, "The token is too long, has several lines or holds control characters.");
	secret_copy(ret, &token);
	return true;
}

bool token_input_read(const char *file, const char *prompt, struct secret *ret, struct error *err)
{
	CLEANUP(strbuf_release_secret) struct strbuf text = STRBUF_INIT(INPUT_MAX);

	if (file) {
		if (!read_file(file, &text, err))
			return false;
	} else if (isatty(STDIN_FILENO)) {
		if (!ask(STDIN_FILENO, prompt, &text, err))
			return false;
	} else {
		while (read_more(STDIN_FILENO, &text))
			continue;
	}
	return keep(&text, ret, err);
}
