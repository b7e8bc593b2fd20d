// SPDX-License-Identifier: MIT
/*
 * sluiced: command line, configuration, and then the live agent or a capture file.
 */
#include "lib/display.h"
#include "lib/log.h"
#include "supervisor/config.h"
#include "supervisor/offline.h"
#include "supervisor/supervisor.h"

#include <linux/sluice.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

/* X(short, long, argument or NULL, help) */
#define OPTIONS(X)                                                                             \
	X('c', "config", "FILE", "configuration; default " CONFIG_PATH)                        \
	X('r', "read", "CAPTURE", "read a capture file (- is standard input), not the kernel") \
	X('o', "output", "DIR", "where -r leaves samples, log and envelopes")                  \
	X('n', "dry-run", NULL,                                                                \
	  "with -r: print what each cloud would be sent, and send nothing")                    \
	X('j', "json", NULL, "with --dry-run: as JSON, a line for each sighting and cloud")    \
	X('C', "check", NULL, "read the configuration, say whether it is right, and stop")     \
	X('d', "debug", NULL, "say more")                                                      \
	X('V', "version", NULL, "print the version and stop")                                  \
	X('h', "help", NULL, "print this and stop")

struct options {
	const char *config, *capture, *output;
	bool dry_run, json, check, debug, version, help;
};

static void usage(FILE *f)
{
	fputs("usage: sluiced [-c FILE] [-d] [--check]\n"
	      "       sluiced -r CAPTURE -o DIR [-c FILE] [-d] [--dry-run [--json]]\n\n",
	      f);
#define OPTION_HELP(letter, name, argument, help) \
	fprintf(f, "  -%c, --%-7s %-8s %s\n", letter, name, argument ? argument : "", help);
	OPTIONS(OPTION_HELP)
#undef OPTION_HELP
	fputs("\nsluiced(8), sluice.conf(5)\n", f);
}

static bool wrong(const char *what)
{
	fprintf(stderr, "sluiced: %s (sluiced --help)\n", what);
	return false;
}

static bool parse_options(int argc, char **argv, struct options *o)
{
	static const struct option longs[] = {
#define OPTION_LONG(letter, name, argument, help) \
	{name, argument ? required_argument : no_argument, NULL, letter},
		OPTIONS(OPTION_LONG)
#undef OPTION_LONG
			{NULL, 0, NULL, 0},
	};
	char text[256];
	int c;

	opterr = 0;
	while ((c = getopt_long(argc, argv, ":c:r:o:njCdVh", longs, NULL)) != -1) {
		switch (c) {
		case 'c':
			o->config = optarg;
			break;
		case 'r':
			o->capture = optarg;
			break;
		case 'o':
			o->output = optarg;
			break;
		case 'n':
			o->dry_run = true;
			break;
		case 'j':
			o->json = true;
			break;
		case 'C':
			o->check = true;
			break;
		case 'd':
			o->debug = true;
			break;
		case 'V':
			o->version = true;
			break;
		case 'h':
			o->help = true;
			break;
		case ':':
			snprintf(text, sizeof(text), "%s: expected an argument",
				 argv[optind - 1]);
			return wrong(text);
		default:
			snprintf(text, sizeof(text), "%s: no such option", argv[optind - 1]);
			return wrong(text);
		}
	}
	if (optind < argc) {
		snprintf(text, sizeof(text), "'%s': expected options only", argv[optind]);
		return wrong(text);
	}
	if (o->capture && !o->output)
		return wrong("-r CAPTURE needs -o DIR, where the results go");
	if (o->output && !o->capture)
		return wrong("-o DIR is for -r CAPTURE only");
	if (o->dry_run && !o->capture)
		return wrong("--dry-run is for -r CAPTURE only: for what a running agent sends "
			     "there is sluicectl policy preview");
	if (o->json && !o->dry_run)
		return wrong("--json is for --dry-run only");
	return true;
}

/* The configuration that holds; o->config stays NULL when there is no file. */
static bool load_config(struct options *o, struct config *c)
{
	if (!o->config && !o->capture) {
		if (access(CONFIG_PATH, F_OK) == 0)
			o->config = CONFIG_PATH;
		else
			log_info("%s does not exist: every file goes to the directory cloud "
				 "'local', with all fields",
				 CONFIG_PATH);
	}
	if (o->config)
		return o->dry_run ? config_read_shown(c, o->config) : config_read(c, o->config);
	if (!config_default(c))
		return false;
	if (o->capture)
		c->spool_bytes = c->spool_files = 0;
	return true;
}

/* Every file that is being put together has a descriptor. */
static void raise_file_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

static enum offline_show how_shown(const struct options *o)
{
	if (!o->dry_run)
		return OFFLINE_SHOW_NOTHING;
	return o->json ? OFFLINE_SHOW_JSON : OFFLINE_SHOW_TEXT;
}

int main(int argc, char **argv)
{
	static struct config config;
	struct options o = {0};
	int status;

	log_init("sluiced", LOG_LEVEL_INFO);
	if (!parse_options(argc, argv, &o))
		return 2;
	if (o.help || o.version) {
		if (o.help)
			usage(stdout);
		else
			puts("sluiced " SLUICE_VERSION);
		return fflush(stdout) == 0 ? 0 : 1;
	}
	if (o.debug)
		log_init("sluiced", LOG_LEVEL_DEBUG);
	signal(SIGPIPE, SIG_IGN);
	raise_file_limit();

	if (!load_config(&o, &config))
		return 1;
	if (o.check && !users_check(&config.users)) {
		status = 1;
	} else if (o.check) {
		printf("%s: OK\n", o.config ? o.config : "built-in configuration");
		status = fflush(stdout) == 0 ? 0 : 1;
	} else if (o.capture) {
		display_init(isatty(STDOUT_FILENO));
		status = offline_run(&config, o.capture, o.output, how_shown(&o));
	} else {
		status = supervisor_run(&config, o.config);
	}
	config_free(&config);
	return status;
}
