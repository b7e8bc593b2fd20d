// SPDX-License-Identifier: MIT
#include "ctl/ctl.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int ctl_help(struct ctl *ctl, int argc, char **argv);
static int ctl_version(struct ctl *ctl, int argc, char **argv);

/* A row may end before the options and words, which most have not. */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"
static const struct ctl_command commands[] = {
	{"status", "", "module, rings, share mask and agent at a glance", ctl_status, false,
	 "The default when no command is given."},
	{"share", "[FIELD [on|off] ...]", "what may leave: list or switch the twelve fields",
	 ctl_share, false,
	 "Without arguments lists all fields. 'all' stands for every field. The switches are "
	 "the\n"
	 "same bits as /sys/kernel/sluice/share/FIELD: a field that is off is omitted for "
	 "every\n"
	 "cloud at once, whatever the agent's configuration says. Several may change "
	 "together:\n"
	 "  sluicectl share user off url off"},
	{"settings", "[get NAME ...] | [set NAME VALUE ...]",
	 "capture settings of this network namespace", ctl_settings, false,
	 "Without arguments lists all settings. VALUE is a number; K, M and G multiply by "
	 "powers\n"
	 "of 1024; hooks takes names separated by commas, ignore_mark may be hexadecimal.\n"
	 "UDP is captured for the ports and addresses that udp_ports and udp_prefixes name,\n"
	 "separated by commas; 'none' clears a list:\n"
	 "  sluicectl settings set hooks forward,local max_sessions 64K\n"
	 "  sluicectl settings set udp_ports 69,2049,1000-1010 udp_prefixes 10.0.0.0/8"},
	{"sessions", "[ID]", "sessions in the kernel's table", ctl_sessions, false,
	 "With ID only that session."},
	{"stats", "[NAME ...] | --by WHAT | --prometheus",
	 "counters of the module and of the agent", ctl_stats, true,
	 "With NAMEs only those counters; for one counter only its value is printed. --by and\n"
	 "--prometheus need no kernel; the latter asks the running agent.",
	 ctl_stats_options},
	{"monitor", "[config|sessions] [-n COUNT]", "print changes and sessions as they happen",
	 ctl_monitor, false,
	 "Without a group prints both. -n ends after COUNT lines. With --json one object a "
	 "line.",
	 ctl_monitor_options, "config sessions"},
	{"sightings", "[-f] [-n COUNT] [--type TYPE ...]",
	 "files that were seen, the last ones", ctl_sightings, true,
	 "Reads the local log, also without kernel and agent. All options must match; lists "
	 "take\n"
	 "one of several, separated by commas. --json prints the lines of the log, --format\n"
	 "renders them as Suricata, OCSF, PAN-OS or CEF has them:\n"
	 "  sluicectl sightings --type pe,script --direction download --since 1h\n"
	 "  sluicectl sightings --state-dir DIR --name '*.exe' -n all --json\n"
	 "  sluicectl sightings -f --format cef",
	 ctl_sightings_options},
	{"show", "SHA256", "all that is known about one sample", ctl_show, true,
	 "The first 8 digits or more are enough where they are one sample's. From the local "
	 "log,\n"
	 "the spool, and of the running agent: what became of it at which cloud.",
	 ctl_show_options},
	{"vsys", "", "virtual systems and zones, and what their names stand for", ctl_vsys,
	 true,
	 "Asks the running agent: the sections of its configuration, their conditions, the\n"
	 "namespaces and VRFs that the names in them stand for now, and what is captured."},
	{"rules", "[test --application A --type T --direction D ...] [-c FILE]",
	 "which files go to which cloud, and why", ctl_rules, true,
	 "Without test lists the rules. With it says what becomes of a file, by the\n"
	 "configuration alone: no kernel and no agent is asked.\n"
	 "  sluicectl rules test --application smtp --type pe --direction upload --size 3M",
	 ctl_rules_options, "test"},
	{"types", "[-c FILE]", "file types that rules may name, and their limits", ctl_types,
	 true, "LIMIT is what holds, DEFAULT and RANGE are the table's.", ctl_types_options},
	{"regions", "", "regions that clouds may be in, and their WildFire clouds", ctl_regions,
	 true,
	 "The built-in table: a [cloud] of kind wildfire with region = NAME needs no url."},
	{"policy", "show|preview|explain|presets|diff|import|export|keygen ...",
	 "what leaves: named policies, PAN-OS's", ctl_policy, true,
	 "  policy show ID              a policy as it was when something left under it (asks\n"
	 "                              the agent, as preview does; the others only read\n"
	 "                              the configuration)\n"
	 "  policy preview              the envelope and the requests that each cloud would "
	 "get now\n"
	 "                              of a sighting that the agent has, by its "
	 "configuration\n"
	 "                              and the switches, or by that of -c; sends nothing\n"
	 "  policy explain CLOUD        what becomes of each field, and which section says so\n"
	 "  policy presets              named policies, from all shared to next to nothing\n"
	 "  policy diff A B             fields that differ; exit status 1 when some do. A and "
	 "B\n"
	 "                              are presets, clouds, or paths as for import\n"
	 "  policy import FILE          a [share] section for what PAN-OS's configuration "
	 "says\n"
	 "                              in <session-info-select>; \"-\": standard input\n"
	 "  policy export CLOUD|PRESET  that node, for a firewall\n"
	 "  policy keygen FILE          makes a key_file, or adds a key to one",
	 ctl_policy_options, CTL_POLICY_WORDS},
	{"resolve", "TOKEN|ADDRESS [--cloud NAME]", "the value behind a pseudonym", ctl_resolve,
	 true,
	 "From the keys and the local log, of a pseudonym (p1:KEY:HEX) or an encrypted\n"
	 "address. The running agent records it in the ledger first; where it cannot,\n"
	 "nothing is looked up.",
	 ctl_resolve_options},
	{"user", "[list|add|del|import] ...", "who is at which address", ctl_user, true,
	 "Asks the running agent.\n"
	 "  user [list] [--user NAME] [--group NAME] [--vsys NAME] [--all]\n"
	 "  user add ADDRESS USER [--timeout TIME] [--vsys NAME] [--group NAME]\n"
	 "  user del ADDRESS|--user NAME [--vsys NAME]\n"
	 "  user import FILE      \"-\": standard input\n"
	 "FILE has lines \"ADDRESS USER [TIMEOUT]\", also as CSV, or is a User-ID message of\n"
	 "PAN-OS in XML; all of it is done or nothing.",
	 ctl_user_options, "list add del import"},
	{"ledger", "[show|verify] ...", "what left for which cloud, and whether that is all",
	 ctl_ledger, true,
	 "Reads the ledger, also without kernel and agent. A line is a request that was "
	 "allowed\n"
	 "to leave, or how a submission ended (with the line of its request).\n"
	 "  ledger [show] [--sample DIGITS] [--since TIME] [--cloud NAME]\n"
	 "  ledger verify [--key FILE] [--file FILE]\n"
	 "verify ends with status 0 when the ledger is whole, 1 when any line was altered,\n"
	 "removed, added or moved, and says which and what was expected.",
	 ctl_ledger_options, "show verify"},
	{"help", "[COMMAND]", "this text, or more about one command", ctl_help, true, NULL},
	{"version", "", "version of this program", ctl_version, true, NULL},
};

static void usage(FILE *out)
{
	size_t i;

	fprintf(out, "Usage: sluicectl [--json] [COMMAND [ARGUMENT ...]]\n\nCommands:\n");
	for (i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		fprintf(out, "  %-9s %-38s %s\n", commands[i].name, commands[i].arguments,
			commands[i].help);
	fprintf(out,
		"\nOptions:\n"
		"  -j, --json       print JSON\n"
		"      --run-dir D  where the agent keeps stats.json (default /run/sluice)\n"
		"      --color WHEN auto (on a terminal), always or never\n"
		"  -h, --help       this text\n"
		"  -V, --version    version of this program\n"
		"\nSee sluicectl(8).\n");
}

static const struct ctl_command *find(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (!strcmp(commands[i].name, name))
			return &commands[i];
	return NULL;
}

static int unknown(const char *name)
{
	size_t i;

	fprintf(stderr, "sluicectl: error: unknown command \"%s\"; expected one of:", name);
	for (i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		fprintf(stderr, " %s", commands[i].name);
	fputc('\n', stderr);
	return CTL_USAGE;
}

/* What may follow on the command line: commands, then a command's words or an option's. */
static int complete(int argc, char **argv)
{
	const struct ctl_command *c = argc ? find(argv[0]) : NULL;
	size_t i;

	if (!argc)
		for (i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
			puts(commands[i].name);
	if (!c)
		return CTL_OK;
	if (argc == 1 && c->words)
		ctl_words(c->words, stdout);
	ctl_options_words(c->options, argc > 1 ? argv[1] : NULL, stdout);
	return CTL_OK;
}

static int ctl_help(struct ctl *ctl, int argc, char **argv)
{
	const struct ctl_command *c;

	(void)ctl;
	if (argc && !strcmp(argv[0], "--complete"))
		return complete(argc - 1, argv + 1);
	argc = ctl_options("help", NULL, argc, argv, 1, NULL);
	if (argc < 0)
		return CTL_USAGE;
	if (argc == 0) {
		usage(stdout);
		return CTL_OK;
	}
	c = find(argv[0]);
	if (!c)
		return unknown(argv[0]);
	printf("Usage: sluicectl %s %s\n\n%s.\n", c->name, c->arguments, c->help);
	if (c->more)
		printf("%s\n", c->more);
	if (c->options) {
		fputs("\nOptions:\n", stdout);
		ctl_options_help(c->options, stdout);
	}
	return CTL_OK;
}

static int ctl_version(struct ctl *ctl, int argc, char **argv)
{
	(void)argc;
	(void)argv;
	if (ctl->json)
		return ctl_print_json(json_pack("{s:s, s:i}", "version", SLUICE_VERSION,
						"abi_version", SLUICE_ABI_VERSION));
	printf("sluicectl %s (ABI %d)\n", SLUICE_VERSION, SLUICE_ABI_VERSION);
	return CTL_OK;
}

/*
 * Takes the global options out of argv wherever they stand, so that
 * "sluicectl stats --json" and "sluicectl --json stats" are the same.
 * Returns the number of arguments left, or -1 - exit status.
 */
static int options(struct ctl *ctl, int argc, char **argv)
{
	int i, n = 0;

	for (i = 1; i < argc; i++) {
		const char *a = argv[i];

		if (!strcmp(a, "-j") || !strcmp(a, "--json")) {
			ctl->json = true;
		} else if (!strcmp(a, "-h") || !strcmp(a, "--help")) {
			const struct ctl_command *c = n ? find(argv[0]) : NULL;

			if (c)
				ctl_help(ctl, 1, argv);
			else
				usage(stdout);
			return -1 - CTL_OK;
		} else if (!strcmp(a, "-V") || !strcmp(a, "--version")) {
			ctl_version(ctl, 0, NULL);
			return -1 - CTL_OK;
		} else if (!strcmp(a, "--run-dir")) {
			if (++i == argc) {
				ctl_error("--run-dir: a directory is expected after it");
				return -1 - CTL_USAGE;
			}
			ctl->run_dir = argv[i];
		} else if (!strncmp(a, "--color", 7) && (a[7] == '=' || !a[7])) {
			const char *when = a[7] ? a + 8 : i + 1 < argc ? argv[++i] : "";

			if (!ctl_colour_set(when)) {
				ctl_error("--color: \"%s\"; expected auto, always or never",
					  when);
				return -1 - CTL_USAGE;
			}
		} else if (!strcmp(a, "--")) {
			/* What follows belongs to the command. */
			while (i < argc)
				argv[n++] = argv[i++];
		} else if (a[0] == '-' && n == 0) {
			ctl_error("unknown option \"%s\"; see sluicectl --help", a);
			return -1 - CTL_USAGE;
		} else {
			argv[n++] = argv[i];
		}
	}
	return n;
}

int main(int argc, char **argv)
{
	struct ctl ctl = {.run_dir = CTL_RUN_DIR};
	char *fallback[] = {"status", NULL};
	const struct ctl_command *c;
	int n, status;

	display_init(isatty(STDOUT_FILENO) || isatty(STDERR_FILENO));
	n = options(&ctl, argc, argv);
	if (n < 0)
		return -1 - n;
	if (n == 0) {
		argv = fallback;
		n = 1;
	}
	c = find(argv[0]);
	if (!c)
		return unknown(argv[0]);
	if (!c->offline && !kernel_open(&ctl.kernel))
		return ctl_kernel_error(&ctl);
	status = c->run(&ctl, n - 1, argv + 1);
	if (!c->offline)
		kernel_close(&ctl.kernel);
	if (fflush(stdout) || ferror(stdout)) {
		ctl_error("standard output: cannot be written");
		return CTL_FAILED;
	}
	return status;
}
