// SPDX-License-Identifier: MIT
/*
 * A cloud for tests: the WildFire public API, a memory of every byte, and bad manners on
 * demand. See README.md.
 */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api.h"
#include "cert.h"
#include "control.h"
#include "fault.h"
#include "front.h"
#include "http.h"
#include "reqlog.h"
#include "store.h"
#include "table.h"

#define MAIN_ADDRESSES_MAX 8
#define MAIN_NAMES_MAX 32
#define MAIN_NO_PORT UINT_MAX

static struct {
	const char *listen[MAIN_ADDRESSES_MAX];
	size_t listens;
	const char *name[MAIN_NAMES_MAX];
	size_t names;
	unsigned int port, plain_port;
	const char *port_file, *tls_dir, *log_dir, *control, *table;
	unsigned long from, columns;
} opt = {.plain_port = MAIN_NO_PORT};

/* X(name, argument, help) */
#define MAIN_OPTIONS(X)                                                                        \
	X("listen", "ADDR", "address, may be repeated; default 127.0.0.1 and ::1")             \
	X("port", "N", "TLS port; 0, the default, chooses one")                                \
	X("plain-port", "N", "also speak plain HTTP there; 0 chooses")                         \
	X("port-file", "FILE", "write the TLS port to FILE once it listens")                   \
	X("tls-dir", "DIR", "ca.pem, cert.pem, key.pem: made, or reused when good (required)") \
	X("name", "NAME", "host name or address for the certificate, may be repeated")         \
	X("key", "APIKEY", "accepted API key, may be repeated (required)")                     \
	X("log", "DIR", "conn-NNNNNN.bin, requests.jsonl, samples/ (required)")                \
	X("control", "PATH|PORT",                                                              \
	  "control endpoint: unix socket, or port on 127.0.0.1; 0 chooses")                    \
	X("pending", "N|Nr", "verdict is pending for N seconds, or for N requests")            \
	X("verdict", "HASH=V", "the cloud knows this SHA-256 already, may be repeated")        \
	X("quota", "N", "so many submissions, then 419")                                       \
	X("max-size", "N", "largest file in bytes, else 413")                                  \
	X("forget", "yes|no", "answer every verdict question as if nothing had come")          \
	X("fail", "RULE", "misbehave, see below; may be repeated")                             \
	X("table", "FILE", "print a request log as a table and exit")                          \
	X("from", "SEQ", "with --table: only from this request on")                            \
	X("columns", "N", "with --table: width; default the terminal's")                       \
	X("help", NULL, "this text")

static const struct {
	const char *name, *argument, *help;
} main_options[] = {
#define X(name, argument, help) {name, argument, help},
	MAIN_OPTIONS(X)
#undef X
};

#define MAIN_NR (sizeof(main_options) / sizeof(main_options[0]))

static void main_help(void)
{
	printf("usage: testcloud --tls-dir DIR --log DIR --key APIKEY [option...]\n"
	       "       testcloud --table FILE [--from SEQ] [--columns N]\n\n");
	for (size_t i = 0; i < MAIN_NR; i++) {
		char left[40];

		snprintf(left, sizeof(left), "--%s%s%s", main_options[i].name,
			 main_options[i].argument ? " " : "",
			 main_options[i].argument ? main_options[i].argument : "");
		printf("  %-22s %s\n", left, main_options[i].help);
	}
	printf("\nRULE: KIND[=ARGUMENT] [path=PATH] [count=N] [skip=N] [stored]\n");
	fault_help();
	printf("\nPrints `plain PORT`, `control PORT` where asked for, then `ready PORT`.\n");
}

static bool main_number(const char *text, unsigned long max, unsigned long *out)
{
	char *end;

	errno = 0;
	*out = strtoul(text, &end, 10);
	return end != text && !*end && *text != '-' && !errno && *out <= max;
}

static const char *main_append(const char **list, size_t *nr, size_t max, const char *value)
{
	if (*nr == max)
		return "given too often";
	list[(*nr)++] = value;
	return NULL;
}

static const char *main_port(const char *value, unsigned int *port)
{
	unsigned long number;

	if (!main_number(value, 65535, &number))
		return "expected a port, 0 to 65535";
	*port = (unsigned int)number;
	return NULL;
}

static const char *main_verdict(const char *value)
{
	const char *equals = strchr(value, '=');

	if (!equals)
		return "expected HASH=VERDICT";
	return control_verdict((struct slice){value, (size_t)(equals - value)}, equals + 1);
}

/* Take one option. Returns NULL or what was expected. */
static const char *main_option(const char *name, const char *value)
{
	if (!strcmp(name, "listen"))
		return main_append(opt.listen, &opt.listens, MAIN_ADDRESSES_MAX, value);
	if (!strcmp(name, "name"))
		return main_append(opt.name, &opt.names, MAIN_NAMES_MAX / 2, value);
	if (!strcmp(name, "key"))
		return main_append(api_config.key, &api_config.keys, API_KEYS_MAX, value);
	if (!strcmp(name, "port"))
		return main_port(value, &opt.port);
	if (!strcmp(name, "plain-port"))
		return main_port(value, &opt.plain_port);
	if (!strcmp(name, "from"))
		return main_number(value, LONG_MAX, &opt.from) ? NULL : "expected a number";
	if (!strcmp(name, "columns"))
		return main_number(value, 10000, &opt.columns) ? NULL : "expected a number";
	if (!strcmp(name, "verdict"))
		return main_verdict(value);
	if (!strcmp(name, "fail"))
		return fault_add(value);
	if (!strcmp(name, "port-file"))
		opt.port_file = value;
	else if (!strcmp(name, "tls-dir"))
		opt.tls_dir = value;
	else if (!strcmp(name, "log"))
		opt.log_dir = value;
	else if (!strcmp(name, "control"))
		opt.control = value;
	else if (!strcmp(name, "table"))
		opt.table = value;
	else
		return control_set(name, value);
	return NULL;
}

static bool main_parse(int argc, char **argv)
{
	struct option option[MAIN_NR + 1] = {{.name = NULL}};
	int index, c;

	for (size_t i = 0; i < MAIN_NR; i++) {
		option[i].name = main_options[i].name;
		option[i].has_arg = main_options[i].argument ? required_argument : no_argument;
	}
	while ((c = getopt_long(argc, argv, "", option, &index)) != -1) {
		const char *error;

		if (c)
			return false;
		if (!strcmp(option[index].name, "help")) {
			main_help();
			exit(EXIT_SUCCESS);
		}
		error = main_option(option[index].name, optarg);
		if (error) {
			fprintf(stderr, "testcloud: --%s %s: %s\n", option[index].name, optarg,
				error);
			return false;
		}
	}
	if (optind < argc) {
		fprintf(stderr, "testcloud: unexpected argument %s\n", argv[optind]);
		return false;
	}
	if (!opt.table && (!opt.tls_dir || !opt.log_dir || !api_config.keys)) {
		fprintf(stderr, "testcloud: --%s is required\n",
			!opt.tls_dir   ? "tls-dir"
			: !opt.log_dir ? "log"
				       : "key");
		return false;
	}
	return true;
}

/* One port on every address; the default pair may lack IPv6. */
static bool main_listen(enum front_kind kind, unsigned int *port)
{
	static const char *const loopback[] = {"127.0.0.1", "::1"};
	const char *const *list = opt.listens ? opt.listen : loopback;
	size_t nr = opt.listens ? opt.listens : 2;

	for (size_t i = 0; i < nr; i++) {
		if (!front_listen(kind, list[i], port, !opt.listens && i))
			return false;
	}
	return true;
}

static bool main_listen_all(void)
{
	if (!main_listen(FRONT_TLS, &opt.port))
		return false;
	api_config.port = opt.port;
	if (opt.plain_port != MAIN_NO_PORT) {
		if (!main_listen(FRONT_PLAIN, &opt.plain_port))
			return false;
		printf("plain %u\n", opt.plain_port);
	}
	if (opt.control && strchr(opt.control, '/'))
		return front_listen_unix(FRONT_CONTROL, opt.control);
	if (opt.control) {
		unsigned int port;

		if (main_port(opt.control, &port)) {
			fprintf(stderr,
				"testcloud: --control %s: expected a port or a path with a /\n",
				opt.control);
			return false;
		}
		if (!front_listen(FRONT_CONTROL, "127.0.0.1", &port, false))
			return false;
		printf("control %u\n", port);
	}
	return true;
}

static SSL_CTX *main_certificate(void)
{
	static const char *const always[] = {"localhost", "127.0.0.1", "::1"};

	for (size_t i = 0; i < 3; i++)
		opt.name[opt.names++] = always[i];
	for (size_t i = 0; i < opt.listens; i++) {
		if (strcmp(opt.listen[i], "::") && strcmp(opt.listen[i], "0.0.0.0"))
			opt.name[opt.names++] = opt.listen[i];
	}
	return cert_context(opt.tls_dir, opt.name, opt.names);
}

/* Appears at once and complete, as others wait for it. */
static bool main_port_file(void)
{
	char part[PATH_MAX];
	FILE *file;
	bool ok;

	if (!opt.port_file)
		return true;
	if (snprintf(part, sizeof(part), "%s.part", opt.port_file) >= (int)sizeof(part))
		return false;
	file = fopen(part, "we");
	ok = file && fprintf(file, "%u\n", opt.port) > 0;
	if (file && fclose(file))
		ok = false;
	if (!ok || rename(part, opt.port_file)) {
		fprintf(stderr, "testcloud: cannot write %s: %s\n", opt.port_file,
			strerror(errno));
		return false;
	}
	return true;
}

int main(int argc, char **argv)
{
	struct MHD_Daemon *daemon = NULL;
	int status = EXIT_FAILURE, caught;
	SSL_CTX *tls = NULL;
	sigset_t wait_for;

	if (!main_parse(argc, argv)) {
		fprintf(stderr, "testcloud: see --help\n");
		fault_clear();
		store_close();
		return 2;
	}
	if (opt.table)
		return table_print(opt.table, (long)opt.from, (unsigned int)opt.columns);

	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&wait_for);
	sigaddset(&wait_for, SIGTERM);
	sigaddset(&wait_for, SIGINT);
	sigprocmask(SIG_BLOCK, &wait_for, NULL); /* inherited by every thread */

	if (mkdir(opt.log_dir, 0755) && errno != EEXIST) {
		fprintf(stderr, "testcloud: cannot make %s: %s\n", opt.log_dir,
			strerror(errno));
		goto out;
	}
	if (!store_open(opt.log_dir) || !reqlog_open(opt.log_dir))
		goto out;
	tls = main_certificate();
	daemon = tls ? http_start() : NULL;
	if (!daemon || !main_listen_all() || !front_start(tls, daemon, opt.log_dir) ||
	    !main_port_file())
		goto out;
	printf("ready %u\n", opt.port);
	fflush(stdout);
	sigwait(&wait_for, &caught);
	status = EXIT_SUCCESS;
out:
	http_wake();
	front_stop();
	if (daemon)
		http_stop(daemon);
	SSL_CTX_free(tls);
	fault_clear();
	reqlog_close();
	store_close();
	return status;
}
