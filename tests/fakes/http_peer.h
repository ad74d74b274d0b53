#pragma once
/*
 * http_peer — a small HTTP/1.1 server on 127.0.0.1 for unit tests of what talks HTTP: a test's handler answers each request as it
 * likes, also wrongly, late or never. One thread per connection. With TLS it has a certificate of its own CA.
 */
#include "macros.h"

struct http_peer;

/* One request that is being answered. */
struct peer_exchange {
	char method[16];
	char target[1024];
	char head[16384]; /* the header lines as they came */
	bool close;       /* set by the handler: close the connection after this exchange */
	struct peer_connection *connection;
};

typedef void peer_handler(struct peer_exchange *exchange, void *context);

enum peer_certificate { PEER_PLAIN, PEER_TLS_GOOD, PEER_TLS_WRONG_NAME, PEER_TLS_EXPIRED };
#define PEER_CA_NAME "Peer Test CA"

struct http_peer *http_peer_start(enum peer_certificate certificate, peer_handler *handler, void *context);
void http_peer_stop(struct http_peer *peer); /* ends all connections, whatever their handlers wait for */

unsigned http_peer_port(const struct http_peer *peer);
const char *http_peer_ca_file(const struct http_peer *peer); /* with TLS: PEM of its CA */
unsigned http_peer_connections(struct http_peer *peer);      /* accepted so far */
unsigned http_peer_requests(struct http_peer *peer);         /* whose head was read so far */

/* As assert, in every build: a test without its peer means nothing. */
void require(bool holds);

/* For handlers. */
const char *peer_header(const struct peer_exchange *exchange, const char *name, char *to, size_t size); /* NULL: absent */
bool peer_write(struct peer_exchange *exchange, const void *bytes, size_t length);                      /* false: closed */
/* status "200 OK"; headers "" or lines that end in CRLF. Adds Content-Length. */
void peer_answer(struct peer_exchange *exchange, const char *status, const char *headers, const char *body);
long peer_read(struct peer_exchange *exchange, void *to, size_t size); /* of the body, raw; 0: closed */
/* The whole body as Content-Length says, so that the next request begins where it does; what fits is kept, ended by NUL. */
void peer_read_body(struct peer_exchange *exchange, char *to, size_t size);
bool peer_read_line(struct peer_exchange *exchange, char *to, size_t size);
void peer_wait_closed(struct peer_exchange *exchange); /* until the client, or http_peer_stop, ends the connection */
void peer_reset(struct peer_exchange *exchange);       /* ends the connection at once, with RST */
