#include "http_peer.h"

#include "alloc.h"
#include "http_peer_tls.h"
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MAX_CONNECTIONS = 256 };

struct peer_connection {
	struct http_peer *peer;
	pthread_t thread;
	int fd;
	SSL *ssl; /* NULL: plain */
	char buffer[65536];
	size_t at, filled;
};

struct http_peer {
	peer_handler *handler;
	void *context;
	SSL_CTX *tls;
	char ca_path[64];
	int listener;
	unsigned port;
	pthread_t acceptor;
	pthread_mutex_t lock; /* guards what follows */
	struct peer_connection *connections[MAX_CONNECTIONS];
	unsigned count, requests;
	bool stopping;
};

static long receive(struct peer_connection *c, void *to, size_t size)
{
	long got = c->ssl ? SSL_read(c->ssl, to, (int)size) : recv(c->fd, to, size, 0);

	return got > 0 ? got : 0;
}

bool peer_write(struct peer_exchange *exchange, const void *bytes, size_t length)
{
	struct peer_connection *c = exchange->connection;
	const char *from = bytes;

	while (length > 0) {
		long sent = c->ssl ? SSL_write(c->ssl, from, (int)length) : send(c->fd, from, length, MSG_NOSIGNAL);
		if (sent <= 0) {
			exchange->close = true;
			return false;
		}
		from += sent;
		length -= (size_t)sent;
	}
	return true;
}

long peer_read(struct peer_exchange *exchange, void *to, size_t size)
{
	struct peer_connection *c = exchange->connection;

	if (c->at == c->filled)
		return receive(c, to, size);
	if (size > c->filled - c->at)
		size = c->filled - c->at;
	memcpy(to, c->buffer + c->at, size);
	c->at += size;
	return (long)size;
}

void peer_read_body(struct peer_exchange *exchange, char *to, size_t size)
{
	char length[16] = "0", piece[1024];
	size_t kept = 0;

	(void)peer_header(exchange, "Content-Length", length, sizeof(length));
	for (long left = strtol(length, NULL, 10), got; left > 0; left -= got) {
		got = peer_read(exchange, piece, (size_t)left < sizeof(piece) ? (size_t)left : sizeof(piece));
		if (got <= 0)
			break;
		for (long i = 0; i < got && kept + 1 < size; i++)
			to[kept++] = piece[i];
	}
	if (size > 0)
		to[kept] = '\0';
}

bool peer_read_line(struct peer_exchange *exchange, char *to, size_t size)
{
	struct peer_connection *c = exchange->connection;
	size_t length = 0;

	for (;;) {
		if (c->at == c->filled) {
			c->at = 0;
			c->filled = (size_t)receive(c, c->buffer, sizeof(c->buffer));
			if (c->filled == 0)
				return false;
		}
		char byte = c->buffer[c->at++];
		if (byte == '\n')
			break;
		if (length + 1 < size)
			to[length++] = byte;
	}
	if (length > 0 && to[length - 1] == '\r')
		length--;
	to[length] = '\0';
	return true;
}

void peer_wait_closed(struct peer_exchange *exchange)
{
	char ignored[4096];

	while (peer_read(exchange, ignored, sizeof(ignored)) > 0)
		;
	exchange->close = true;
}

void peer_reset(struct peer_exchange *exchange)
{
	const struct sockaddr nobody = {.sa_family = AF_UNSPEC};

	/* Dissolves the connection and keeps the descriptor (connect(2)). */
	require(connect(exchange->connection->fd, &nobody, sizeof(nobody)) == 0);
	exchange->close = true;
}

const char *peer_header(const struct peer_exchange *exchange, const char *name, char *to, size_t size)
{
	size_t length = strlen(name);

	for (const char *line = exchange->head; *line; line = strchr(line, '\n') + 1) {
		if (strncasecmp(line, name, length) != 0 || line[length] != ':')
			continue;
		line += length + 1;
		line += strspn(line, " ");
		snprintf(to, size, "%.*s", (int)strcspn(line, "\n"), line);
		return to;
	}
	return NULL;
}

void peer_answer(struct peer_exchange *exchange, const char *status, const char *headers, const char *body)
{
	CLEANUP(freep)
	char *text = xasprintf("HTTP/1.1 %s\r\n%sContent-Length: %zu\r\n\r\n%s", status, headers, strlen(body),
	                       strcmp(exchange->method, "HEAD") == 0 ? "" : body);

	peer_write(exchange, text, strlen(text));
}

static bool read_head(struct peer_exchange *exchange)
{
	char line[8192];
	size_t length = 0;

	if (!peer_read_line(exchange, line, sizeof(line)) || sscanf(line, "%15s %1023s", exchange->method, exchange->target) != 2)
		return false;
	exchange->head[0] = '\0';
	while (peer_read_line(exchange, line, sizeof(line)) && line[0]) {
		int added = snprintf(exchange->head + length, sizeof(exchange->head) - length, "%s\n", line);
		require(added > 0 && (size_t)added < sizeof(exchange->head) - length);
		length += (size_t)added;
	}
	return true;
}

static void serve(struct peer_connection *c)
{
	CLEANUP(freep) struct peer_exchange *exchange = xcalloc(1, sizeof(*exchange));

	exchange->connection = c;
	if (c->ssl && SSL_accept(c->ssl) != 1)
		return;
	while (!exchange->close && read_head(exchange)) {
		pthread_mutex_lock(&c->peer->lock);
		c->peer->requests++;
		pthread_mutex_unlock(&c->peer->lock);
		c->peer->handler(exchange, c->peer->context);
	}
	if (c->ssl)
		SSL_shutdown(c->ssl);
}

static void *connection_thread(void *context)
{
	struct peer_connection *c = context;

	serve(c);
	/* The descriptor stays open until http_peer_stop, so that its number is nobody else's. */
	shutdown(c->fd, SHUT_RDWR);
	return NULL;
}

static void start_connection(struct http_peer *peer, int fd)
{
	struct peer_connection *c = xcalloc(1, sizeof(*c));
	int on = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	c->peer = peer;
	c->fd = fd;
	if (peer->tls) {
		c->ssl = SSL_new(peer->tls);
		SSL_set_fd(c->ssl, fd);
	}
	pthread_mutex_lock(&peer->lock);
	require(peer->count < MAX_CONNECTIONS);
	peer->connections[peer->count++] = c;
	bool stopping = peer->stopping;
	pthread_create(&c->thread, NULL, connection_thread, c);
	pthread_mutex_unlock(&peer->lock);
	if (stopping)
		shutdown(fd, SHUT_RDWR);
}

static void *acceptor_thread(void *context)
{
	struct http_peer *peer = context;

	for (;;) {
		int fd = accept4(peer->listener, NULL, NULL, SOCK_CLOEXEC);
		if (fd < 0)
			return NULL;
		start_connection(peer, fd);
	}
}

static void listen_on_loopback(struct http_peer *peer)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof(address);

	peer->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	require(peer->listener >= 0);
	require(bind(peer->listener, (struct sockaddr *)&address, sizeof(address)) == 0);
	require(listen(peer->listener, 64) == 0);
	require(getsockname(peer->listener, (struct sockaddr *)&address, &length) == 0);
	peer->port = ntohs(address.sin_port);
}

struct http_peer *http_peer_start(enum peer_certificate certificate, peer_handler *handler, void *context)
{
	struct http_peer *peer = xcalloc(1, sizeof(*peer));

	/* SSL_write has no MSG_NOSIGNAL. */
	signal(SIGPIPE, SIG_IGN);
	peer->handler = handler;
	peer->context = context;
	pthread_mutex_init(&peer->lock, NULL);
	if (certificate != PEER_PLAIN) {
		snprintf(peer->ca_path, sizeof(peer->ca_path), "/tmp/http-peer-ca-XXXXXX");
		int fd = mkstemp(peer->ca_path);
		require(fd >= 0);
		close(fd);
		peer->tls = peer_tls_context(certificate, peer->ca_path);
	}
	listen_on_loopback(peer);
	require(pthread_create(&peer->acceptor, NULL, acceptor_thread, peer) == 0);
	return peer;
}

void http_peer_stop(struct http_peer *peer)
{
	pthread_mutex_lock(&peer->lock);
	peer->stopping = true;
	for (unsigned i = 0; i < peer->count; i++)
		shutdown(peer->connections[i]->fd, SHUT_RDWR);
	pthread_mutex_unlock(&peer->lock);
	shutdown(peer->listener, SHUT_RDWR);
	pthread_join(peer->acceptor, NULL);
	close(peer->listener);
	for (unsigned i = 0; i < peer->count; i++) {
		struct peer_connection *c = peer->connections[i];
		pthread_join(c->thread, NULL);
		SSL_free(c->ssl);
		close(c->fd);
		free(c);
	}
	if (peer->tls)
		unlink(peer->ca_path);
	SSL_CTX_free(peer->tls);
	pthread_mutex_destroy(&peer->lock);
	free(peer);
}

unsigned http_peer_port(const struct http_peer *peer)
{
	return peer->port;
}

const char *http_peer_ca_file(const struct http_peer *peer)
{
	return peer->ca_path;
}

unsigned http_peer_connections(struct http_peer *peer)
{
	pthread_mutex_lock(&peer->lock);
	unsigned count = peer->count;
	pthread_mutex_unlock(&peer->lock);
	return count;
}

unsigned http_peer_requests(struct http_peer *peer)
{
	pthread_mutex_lock(&peer->lock);
	unsigned count = peer->requests;
	pthread_mutex_unlock(&peer->lock);
	return count;
}
