// SPDX-License-Identifier: MIT
#include <kselftest_harness.h>

#include "lib/log.h"
#include "scratch.h"
#include "supervisor/config.h"

FIXTURE(config)
{
	char dir[SCRATCH_MAX];
	struct config *c;
	bool read;
	char said[65536]; /* what was logged, the file's path replaced by "F" */
};

FIXTURE_SETUP(config)
{
	ASSERT_TRUE(scratch_make(self->dir));
	self->c = calloc(1, sizeof(*self->c));
	self->read = false;
	log_init("t", LOG_LEVEL_INFO);
}

FIXTURE_TEARDOWN(config)
{
	config_free(self->c);
	free(self->c);
	scratch_remove(self->dir);
}

static void collect(FIXTURE_DATA(config) * self, const char *path)
{
	char raw[sizeof(self->said)], *at = raw, *out = self->said;
	int fd = open(scratch_path(self->dir, "log"), O_RDONLY);
	ssize_t n = read(fd, raw, sizeof(raw) - 1);

	close(fd);
	raw[n > 0 ? n : 0] = '\0';
	while (*at) {
		if (strncmp(at, path, strlen(path)) == 0) {
			*out++ = 'F';
			at += strlen(path);
		} else {
			*out++ = *at++;
		}
	}
	*out = '\0';
}

static bool load_bytes(FIXTURE_DATA(config) * self, const void *p, size_t n)
{
	char path[2 * SCRATCH_MAX];
	int log, saved = dup(2);

	scratch_write(self->dir, "conf", p, n);
	snprintf(path, sizeof(path), "%s", scratch_path(self->dir, "conf"));
	log = open(scratch_path(self->dir, "log"), O_WRONLY | O_CREAT | O_TRUNC, 0600);
	dup2(log, 2);
	close(log);
	config_free(self->c);
	self->read = config_read(self->c, path);
	dup2(saved, 2);
	close(saved);
	collect(self, path);
	return self->read;
}

static bool load(FIXTURE_DATA(config) * self, const char *text)
{
	return load_bytes(self, text, strlen(text));
}

static enum policy_mode mode(FIXTURE_DATA(config) * self, size_t cloud, enum sluice_field f)
{
	return policy_mode(&self->c->share[cloud], f);
}

static uint64_t limit(FIXTURE_DATA(config) * self, const char *type)
{
	size_t i = file_types_find(self->c->file_types, type);

	return i < FILE_TYPES_MAX ? self->c->types.limit[i] : 0;
}

static uint32_t bit(FIXTURE_DATA(config) * self, const char *type)
{
	return 1u << file_types_find(self->c->file_types, type);
}

TEST_F(config, built_in)
{
	ASSERT_TRUE(config_default(self->c));
	EXPECT_EQ(1, self->c->clouds);
	EXPECT_STREQ("local", self->c->cloud[0].name);
	EXPECT_STREQ("/var/lib/sluice/local", self->c->cloud[0].path);
	EXPECT_TRUE(self->c->has_share[0]);
	EXPECT_EQ(POLICY_SHARE, mode(self, 0, SLUICE_FIELD_USER));
	EXPECT_EQ(1, self->c->rules);
	EXPECT_EQ(1, self->c->rule[0].clouds);
	EXPECT_EQ(100u << 20, self->c->files.max_size);
	EXPECT_TRUE(self->c->built_in);
	EXPECT_TRUE(self->c->rule[0].any_type);
	/* Everything is kept, whatever its type. */
	for (size_t i = 0; i < FILE_TYPES_MAX; i++)
		EXPECT_EQ(UINT64_MAX, self->c->types.limit[i]);
}

TEST_F(config, types_and_limits)
{
	struct rule_set set;

	ASSERT_TRUE(load(self,
			 "[rule a]\nfile_type = pe, eml script\n[rule b]\nfile_type = any\n"
			 "cloud = x\n[rule c]\nfile_type = any, email-link\n[rule d]\n"
			 "[cloud x]\nkind = directory\n[share x]\ndefault = share\n"
			 "[limits]\npe = 2M # small\nscript = 4M\n"));
	EXPECT_FALSE(self->c->built_in);
	EXPECT_FALSE(self->c->rule[0].any_type);
	EXPECT_EQ(bit(self, "pe") | bit(self, "eml") | bit(self, "script"),
		  self->c->rule[0].types);
	EXPECT_TRUE(self->c->rule[1].any_type);
	EXPECT_EQ(0, self->c->rule[1].types);
	EXPECT_TRUE(self->c->rule[2].any_type);
	EXPECT_EQ(bit(self, "email-link"), self->c->rule[2].types);
	EXPECT_TRUE(self->c->rule[3].any_type);
	EXPECT_EQ(bit(self, "email-link"), self->c->types.link);
	EXPECT_EQ(bit(self, "eml"), self->c->types.mail);
	EXPECT_EQ(2u << 20, limit(self, "pe"));
	EXPECT_EQ(4u << 20, limit(self, "script"));
	/* As the table has it. */
	EXPECT_EQ(3072u << 10, limit(self, "pdf"));
	EXPECT_EQ(UINT64_MAX, limit(self, "email-link"));
	set = config_rules(self->c);
	EXPECT_EQ(4, set.count);
	EXPECT_EQ(1, set.receiving);
	EXPECT_EQ(0, set.private_clouds);
	EXPECT_EQ(&self->c->types, set.types);
}

TEST_F(config, empty_is_the_built_in_one)
{
	ASSERT_TRUE(
		load(self, "# nothing\n\n[capture]\nrings = 2\n[agent]\nstate_dir = /x//\n"));
	EXPECT_STREQ("", self->said);
	EXPECT_EQ(2, self->c->rings);
	EXPECT_EQ(1, self->c->clouds);
	EXPECT_STREQ("/x/local", self->c->cloud[0].path);
	EXPECT_FALSE(self->c->built_in);
	EXPECT_EQ(UINT64_MAX, self->c->types.limit[0]);
	/* But what is said here holds. */
	ASSERT_TRUE(load(self, "[limits]\npdf = 1M\n"));
	EXPECT_EQ(UINT64_MAX, limit(self, "pe"));
	EXPECT_EQ(1u << 20, limit(self, "pdf"));
}

TEST_F(config, everything)
{
	char text[4096], ca[600], command[800];

	scratch_write(self->dir, "key", "s3cret\n", 7);
	snprintf(ca, sizeof(ca), "%s", scratch_path(self->dir, "ca"));
	snprintf(command, sizeof(command),
		 "openssl req -x509 -newkey ed25519 -nodes -keyout /dev/null -subj /CN=t -out "
		 "%s "
		 "2>/dev/null",
		 ca);
	ASSERT_EQ(0, system(command));
	snprintf(text, sizeof(text),
		 "\xef\xbb\xbf[capture]\r\n"
		 "rings = 4 ; four\r\n"
		 "ring_size = 1M\n"
		 "hooks = forward, local # both\n"
		 "udp_ports = 69, 1000-1010 2049\n"
		 "udp_prefixes = fd00::/8,10.1.2.3\n"
		 "virtual_system = blue #1\n"
		 "max_file_size=2G\n"
		 "max_open_files = 10\n"
		 "[agent]\n"
		 "state_dir = /s\nrun_dir = /r\nspool_size = 0\nspool_files = 5\n"
		 "retry_min = 1\nretry_max = 2\n"
		 "[rule any]\n"
		 "cloud = private public\n"
		 "[rule web]\n"
		 "application = web-browsing,ftp\nfile_type = any\ndirection = "
		 "upload\npriority = low\n"
		 "cloud = public\n"
		 "[share public]\n"
		 "user = share\n"
		 "[cloud private]\n"
		 "kind = wildfire\nscope = private\nurl = https://sandbox.example/publicapi/\n"
		 "key_file = %s\nca_file = %s\nsession = no\ntimeout = 7\nmax_size = 3K\n"
		 "uploads_per_minute = 5\nqueries_per_day = 600\n"
		 "[cloud public]\n"
		 "kind = directory\nsightings = first\n"
		 "[share private]\n"
		 "default = share\nuser = omit\n",
		 scratch_path(self->dir, "key"), ca);
	ASSERT_TRUE(load(self, text))
	{
		TH_LOG("%s", self->said);
	}
	EXPECT_EQ(4, self->c->rings);
	EXPECT_EQ(1u << 20, self->c->ring_size);
	EXPECT_EQ(SLUICE_HOOK_ALL, self->c->hooks);
	EXPECT_TRUE(self->c->udp[LIST_UDP_PORTS].given);
	ASSERT_EQ(3, self->c->udp[LIST_UDP_PORTS].n);
	EXPECT_EQ(1000, self->c->udp[LIST_UDP_PORTS].port[1].first);
	EXPECT_EQ(1010, self->c->udp[LIST_UDP_PORTS].port[1].last);
	ASSERT_EQ(2, self->c->udp[LIST_UDP_PREFIXES].n);
	EXPECT_EQ(8, self->c->udp[LIST_UDP_PREFIXES].prefix[0].length);
	EXPECT_EQ(32, self->c->udp[LIST_UDP_PREFIXES].prefix[1].length);
	EXPECT_STREQ("blue", self->c->virtual_system);
	EXPECT_EQ(2ull << 30, self->c->files.max_size);
	EXPECT_EQ(10, self->c->files.max_open);
	EXPECT_EQ(0, self->c->spool_bytes);
	EXPECT_EQ(5, self->c->spool_files);
	EXPECT_EQ(1, self->c->retry_min);
	EXPECT_EQ(2, self->c->retry_max);
	ASSERT_EQ(2, self->c->clouds);
	EXPECT_EQ(&cloud_wildfire, self->c->cloud[0].ops);
	EXPECT_EQ(CLOUD_PRIVATE, self->c->cloud[0].scope);
	EXPECT_STREQ("https://sandbox.example/publicapi", self->c->cloud[0].url);
	EXPECT_STREQ("s3cret", self->c->cloud[0].key);
	EXPECT_EQ(self->c->cloud[0].ca, strstr(self->c->cloud[0].ca, "-----BEGIN CERTIFICATE"));
	EXPECT_FALSE(self->c->cloud[0].session);
	EXPECT_EQ(CLOUD_SIGHTINGS_FIRST, self->c->cloud[1].sightings);
	EXPECT_EQ(7, self->c->cloud[0].timeout);
	EXPECT_EQ(3072, self->c->cloud[0].max_size);
	EXPECT_EQ(5, self->c->cloud[0].quota[CLOUD_UPLOADS_PER_MINUTE]);
	EXPECT_EQ(0, self->c->cloud[0].quota[CLOUD_UPLOADS_PER_DAY]);
	EXPECT_EQ(0, self->c->cloud[0].quota[CLOUD_QUERIES_PER_MINUTE]);
	EXPECT_EQ(600, self->c->cloud[0].quota[CLOUD_QUERIES_PER_DAY]);
	EXPECT_EQ(CLOUD_PUBLIC, self->c->cloud[1].scope);
	EXPECT_STREQ("/s/public", self->c->cloud[1].path);
	EXPECT_STREQ("", self->c->cloud[1].url);
	EXPECT_EQ(POLICY_OMIT, mode(self, 0, SLUICE_FIELD_USER));
	EXPECT_EQ(POLICY_SHARE, mode(self, 0, SLUICE_FIELD_URL));
	/* No default: what is not named is omitted. */
	EXPECT_EQ(POLICY_SHARE, mode(self, 1, SLUICE_FIELD_USER));
	EXPECT_EQ(POLICY_OMIT, mode(self, 1, SLUICE_FIELD_URL));
	ASSERT_EQ(2, self->c->rules);
	EXPECT_EQ(3, self->c->rule[0].clouds);
	EXPECT_TRUE(self->c->rule[0].any_application);
	EXPECT_EQ(2, self->c->rule[1].clouds);
	EXPECT_EQ(2, self->c->rule[1].applications);
	EXPECT_EQ(RULE_UPLOAD, self->c->rule[1].direction);
	EXPECT_EQ(RULE_PRIORITY_LOW, self->c->rule[1].priority);
	EXPECT_EQ(RULE_PRIORITY_NORMAL, self->c->rule[0].priority);
}

/* Each a whole file, and a part of what must be said about it. */
static const struct {
	const char *text, *error;
} wrong[] = {
	{"rings = 1\n", "F:1: 'rings' stands before the first section"},
	{"[share a]\ndefault = share", "F:2: the file ends within this line"},
	{"[cloud a]\nkind = directory\n# com", "F:3: the file ends within this line"},
	{"[captures]\n", "F:1: [captures] is no section: expected capture, agent,"},
	{"[]\n", "F:1: [] is no section"},
	{"[capture\n", "F:1: expected a section like [capture]"},
	{"[capture] x\n", "F:1: expected a section like [capture]"},
	{"[capture x]\n", "F:1: [capture] takes no name"},
	{"[cloud]\n", "F:1: [cloud NAME]: expected one name of 1 to 63"},
	{"[cloud a b]\n", "F:1: [cloud NAME]: expected one name"},
	{"[cloud A]\n", "F:1: [cloud NAME]: expected one name"},
	{"[cloud ../x]\n", "F:1: [cloud NAME]: expected one name"},
	{"[capture]\n[agent]\n[capture]\n", "F:3: this section stands in line 1 already"},
	{"[cloud a]\nkind=directory\n[cloud a]\n",
	 "F:3: this section stands in line 1 already"},
	{"[rule a]\n[rule a]\n", "F:2: this section stands in line 1 already"},
	{"[share a]\n[share a]\n", "F:2: this section stands in line 1 already"},
	{"[vsys]\n", "F:1: [vsys NAME]: expected a name of 1 to 255 bytes"},
	{"[zone]\n", "F:1: [zone NAME]: expected a name of 1 to 63 bytes"},
	{"[vsys a b]\n", "F:1: [vsys a b] has no condition: expected netns, zone, vrf,"},
	{"[vsys a]\nzone = 70000\n", "F:2: zone: '70000': expected a conntrack zone"},
	{"[vsys a]\nnetns = blue\n", "F:2: netns: 'blue': expected an absolute path"},
	{"[vsys a]\nvlan = 4095\n", "F:2: vlan: '4095': expected a VLAN id"},
	{"[vsys a]\ninterface = ok, not/ok\n", "F:2: interface: 'not/ok': expected the name"},
	{"[vsys a]\nzone = 1\n[vsys b]\nzone = 1\nvlan = 2\n",
	 "F:3: [vsys b] can never be chosen: whatever fits it fits [vsys a] in line 1"},
	{"[zone a]\n", "F:1: [zone a] has no interface"},
	{"[zone a]\ninterface = x\n[zone b]\ninterface = x\n",
	 "F:3: [zone b] can never be chosen"},
	{"[zone a]\ninterface = x\nvirtual_system = v\n",
	 "F:1: [zone a]: virtual_system: there is no"},
	{"[capture]\nnetns = blue\n", "F:2: netns: 'blue': expected an absolute path"},
	{"[capture]\nnetns = /a, /a\n", "F:2: netns: '/a': expected each namespace once"},
	{"[capture]\nrings = 33\nnetns = /a, /b\n",
	 "F:1: rings (33) in 2 namespaces: expected 64 rings at most in all"},
	{"[capture]\nring = 1\n",
	 "F:2: 'ring' is no key of this section: expected one of rings,"},
	{"[capture]\nrings = 1\nrings = 1\n", "F:3: rings: given twice"},
	{"[capture]\nrings\n", "F:2: 'rings': expected [SECTION] or KEY = VALUE"},
	{"[capture]\nrings: 2\n", "F:2: 'rings: 2': expected [SECTION] or KEY = VALUE"},
	{"[capture]\nrings =\n", "F:2: rings: expected a value"},
	{"[capture]\nrings = # none\n", "F:2: rings: expected a value"},
	{"[capture]\nrings = 0\n", "F:2: rings: '0': expected a number from 1 to 64"},
	{"[capture]\nrings = 65\n", "F:2: rings: '65': expected a number from 1 to 64"},
	{"[capture]\nrings = -1\n", "F:2: rings: '-1': expected a number from 1 to 64"},
	{"[capture]\nrings = 1x\n", "F:2: rings: '1x': expected a number"},
	{"[capture]\nrings = 18446744073709551617\n", "expected a number from 1 to 64"},
	{"[capture]\nring_size = 100000\n",
	 "F:2: ring_size: '100000': expected a power of two"},
	{"[capture]\nmax_file_size = 17179869184G\n", "expected a number from 1"},
	{"[capture]\nmax_file_size = 1g\n", "or with K, M or G"},
	{"[capture]\nhooks = bridge\n", "F:2: hooks: 'bridge' is not in this version"},
	{"[capture]\nhooks = forward, in\n", "F:2: hooks: 'in': expected forward or local"},
	{"[capture]\nudp_ports = 69, tftp\n",
	 "F:2: udp_ports: 'tftp': expected a port or a range"},
	{"[capture]\nudp_ports = 0\n", "F:2: udp_ports: '0': expected a port or a range"},
	{"[capture]\nudp_ports = 9-8\n", "F:2: udp_ports: '9-8': expected a port or a range"},
	{"[capture]\nudp_ports = none, 69\n",
	 "F:2: udp_ports: '69': expected nothing besides none"},
	{"[capture]\nudp_ports = 69, none\n",
	 "F:2: udp_ports: 'none': expected a port or a range"},
	{"[capture]\nudp_ports =\n", "F:2: udp_ports: expected a value"},
	{"[capture]\nudp_ports = 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 "
	 "24 25 "
	 "26 27 28 29 30 31 32 33\n",
	 "F:2: udp_ports: '33': expected 32 entries at most"},
	{"[capture]\nrings = 1\nudp_prefixes = 10.0.0.1/8\n",
	 "F:3: udp_prefixes: '10.0.0.1/8': expected an address or a prefix such as"},
	{"[capture]\nudp_prefixes = 10.0.0.0/33\n",
	 "F:2: udp_prefixes: '10.0.0.0/33': expected"},
	{"[capture]\nrings = 1\n  ring_size = 1M\n", "F:3: begins with white space"},
	{"[agent]\nstate_dir = x\n", "F:2: state_dir: 'x': expected an absolute path"},
	{"[agent]\nretry_min = 10\nretry_max = 5\n",
	 "F:1: retry_min (10) is more than retry_max (5)"},
	{"[cloud a]\n", "F:1: [cloud a]: kind is missing: expected one of"},
	{"[cloud a]\nkind = http\n", "F:2: kind: 'http' is no kind of cloud: expected one of"},
	{"[cloud a]\nclient_certificate = /etc/passwd\n",
	 "F:2: client_certificate: /etc/passwd: expected a certificate in PEM form"},
	{"[cloud a]\nclient_key = /etc/passwd\n",
	 "F:2: client_key: /etc/passwd: expected a private key in PEM form, without"},
	{"[cloud a]\npinned_key = sha256//AAAA\n",
	 "F:2: pinned_key: 'sha256//AAAA': expected sha256//HASH"},
	{"[cloud a]\nproxy = ftp://x\n", "F:2: proxy: expected a URL that begins with http://"},
	{"[cloud a]\nproxy = http://u:p@x\n",
	 "F:2: proxy: expected no user name and no password"},
	{"[cloud a]\nkind = https\nurl = http://x/\n"
	 "pinned_key = sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n",
	 "F:1: [cloud a]: client_certificate and pinned_key need an https:// url"},
	{"[cloud a]\nkind = directory\nsightings = none\n",
	 "F:3: sightings: 'none': expected first or all"},
	{"[cloud a]\nsightings = all\nkind = wildfire\n",
	 "F:1: [cloud a]: sightings = all: kind wildfire takes no envelope without its sample, "
	 "expected first"},
	{"[cloud a]\nkind = https\n", "F:1: [cloud a]: kind https needs a url"},
	{"[cloud a]\nkind = wildfire\ntoken_file = /dev/null\n",
	 "F:1: [cloud a]: kind wildfire takes no token_file"},
	{"[cloud a]\nkind = directory\nca_file = /dev/null\n",
	 "F:1: [cloud a]: kind directory takes no ca_file"},
	{"[cloud a]\ntoken_file = /dev/null\n",
	 "F:2: token_file: /dev/null: expected one line of 1 to 8192 characters, the token"},
	{"[cloud a]\nkind = wildfire\n", "F:1: [cloud a]: kind wildfire needs a url"},
	{"[cloud a]\nkind = wildfire\n", "F:1: [cloud a]: kind wildfire needs a key_file"},
	{"[cloud a]\nkind = directory\nurl = https://x/\n",
	 "F:1: [cloud a]: kind directory takes no url"},
	{"[cloud a]\nkind = wildfire\npath = /x\n",
	 "F:1: [cloud a]: kind wildfire takes no path"},
	{"[cloud a]\nca_file = /etc/passwd\n",
	 "F:2: ca_file: /etc/passwd: expected certificates in PEM"},
	{"[cloud a]\nscope = secret\n", "F:2: scope: 'secret': expected private or public"},
	{"[cloud a]\nsession = true\n", "F:2: session: 'true': expected yes or no"},
	{"[cloud a]\nurl = ftp://x/\n",
	 "F:2: url: 'ftp://x/' is no URL: expected https:// or http://"},
	{"[cloud a]\nurl = x\n", "F:2: url: 'x' is no URL"},
	{"[cloud a]\nurl = https://u@x/\n", "expected no user name in it"},
	{"[cloud a]\nurl = https://x/?a\n", "expected no query in it"},
	{"[cloud a]\nkey_file = /nonexistent/key\n",
	 "F:2: key_file: cannot read /nonexistent/key: No such"},
	{"[cloud a]\nkey_file = /dev/null\n", "F:2: key_file: /dev/null: expected one line"},
	{"[cloud a]\nkind = s3\nurl = https://x/a%20b\n",
	 "F:1: [cloud a]: url: expected only letters, digits and"},
	{"[cloud a]\nregion = E U\n", "F:2: region: 'E U': expected a name of 1 to 31"},
	{"[agent]\nregion = eu, D\n", "F:2: region: 'D': expected a name of 1 to 31"},
	{"[cloud a]\nkind = wildfire\nregion = moon\n",
	 "F:3: region: there is no WildFire cloud in 'moon': expected one of us, eu, jp,"},
	{"[cloud a]\nkind = https\nregion = eu\n", "F:1: [cloud a]: kind https needs a url"},
	{"[cloud a]\nkind = wildfire\nurl = "
	 "https://JP.WildFire.PaloAltoNetworks.com./publicapi\n"
	 "region = eu\n",
	 "F:4: region: 'eu': jp.wildfire.paloaltonetworks.com is in region jp"},
	{"[cloud a]\nkind = directory\n[agent]\nregion = eu de\n",
	 "F:1: [cloud a]: it is not known where it is: expected region = NAME with one of eu, "
	 "de"},
	{"[cloud a]\nkind = directory\nregion = us\n[agent]\nregion = eu, de\n",
	 "F:3: [cloud a]: region us is outside of those that [agent] allows: expected one of "
	 "eu,"},
	{"[agent]\nregion = eu\n[cloud a]\nkind = wildfire\n"
	 "url = https://wildfire.paloaltonetworks.com/publicapi\n",
	 "F:3: [cloud a]: region us is outside"},
	{"[cloud a]\nuser = a b\n", "F:2: user: 'a b': expected one word of printable ASCII"},
	{"[cloud a]\nkind = assemblyline\nurl = https://x/\n",
	 "F:1: [cloud a]: kind assemblyline needs a user"},
	{"[cloud a]\ns3_region = EU west\n", "F:2: s3_region: 'EU west': expected a name"},
	{"[cloud a]\nkind = https\nurl = https://x/\ns3_region = eu\n",
	 "F:1: [cloud a]: kind https takes no s3_region"},
	{"[cloud a]\nca_file = /nonexistent/ca\n",
	 "F:2: ca_file: cannot read /nonexistent/ca: No such"},
	{"[cloud a]\nkind=directory\n[share b]\n", "F:3: [share b]: there is no [cloud b]"},
	{"[share a]\nuser = truncate\n",
	 "F:2: user: 'truncate': expected share, pseudonymise or omit"},
	{"[share a]\nurl = truncate host\n",
	 "F:2: url: 'truncate host': expected share, truncate [path|origin]"},
	{"[share a]\nsource_ip = truncate 33 48\n",
	 "F:2: source_ip: 'truncate 33 48': expected share, truncate [V4 V6]"},
	{"[share a]\ndefault = Share\n",
	 "F:2: default: 'Share': expected share, truncate, encrypt"},
	{"[share a]\npreset = most\n", "F:2: preset: 'most': expected one of full, balanced"},
	{"[share a]\npreset = full\npreset = full\n", "F:3: preset: given twice in [share a]"},
	{"[share a]\nkey_file = keys\n", "F:2: key_file: 'keys': expected an absolute path"},
	{"[share a]\nkey_period = 90\n", "F:2: key_period: '90': expected a time like 90d"},
	{"[cloud a]\nkind=directory\n[share a]\nkey_period = 90d\n",
	 "F:3: [share a]: key_period without a key_file"},
	{"[cloud a]\nkind=directory\n[share a]\npreset = full\ndefault = omit\n",
	 "F:3: [share a]: expected default or preset, not both"},
	{"[cloud a]\nkind=directory\n[share a]\nuser = pseudonymise\n[x]\n",
	 "F:3: [share a]: what it encrypts or pseudonymises is omitted"},
	{"[narrow a]\nusers = omit\n", "F:2: 'users' is no key of this section"},
	{"[narrow a]\nuser = hash\n",
	 "F:2: user: 'hash': expected share, pseudonymise or omit"},
	{"[narrow a]\nuser = omit\nuser = omit\n", "F:3: user: given twice in [narrow a]"},
	{"[narrow a]\nrule = x\nrule = y\n", "F:3: rule: given twice in [narrow a]"},
	{"[narrow a]\nrule = ,\n", "F:2: rule: ',': expected a list"},
	{"[narrow a]\nfile_type = pe, exe\nuser = omit\n", "F:2: file_type: there is no 'exe'"},
	{"[narrow a]\ncloud = b\nuser = omit\n", "F:2: cloud: there is no 'b'"},
	{"[narrow a]\nvirtual_system = b\nuser = omit\n",
	 "F:2: virtual_system: there is no 'b'"},
	{"[narrow a]\nuser_group = hr\n", "F:1: [narrow a] narrows nothing"},
	{"[narrow a]\n[narrow a]\n", "F:2: this section stands in line 1 already"},
	{"[network internal]\n", "F:1: [network internal]: that is what addresses"},
	{"[network a]\n[network a]\n", "F:2: this section stands in line 1 already"},
	{"[network a]\nprefixes = 10.0.0.1/8\n",
	 "F:2: prefixes: '10.0.0.1/8': expected an address or a prefix"},
	{"[network a]\nprefixes = ,\n", "F:2: prefixes: ',': expected a list of words"},
	{"[share a]\nusers = omit\n", "F:2: 'users' is no field"},
	{"[share a]\nuser = omit\nuser = omit\n", "F:3: user: given twice in [share a]"},
	{"[share a]\ndefault = omit\ndefault = omit\n",
	 "F:3: default: given twice in [share a]"},
	{"[rule a]\nfile_type = exe\n",
	 "F:2: file_type: 'exe': expected any, or some of pe, apk, pdf,"},
	{"[rule a]\nfile_type = pe, PDF\n",
	 "F:2: file_type: 'PDF': expected any, or some of pe,"},
	{"[rule a]\nfile_type = pe\nfile_type = pdf\n", "F:3: file_type: given twice"},
	{"[rule a]\nfile_type = ,\n", "F:2: file_type: ',': expected a list"},
	{"[rule a]\n[rule b]\nfile_type = ms_office\n",
	 "F:3: file_type: 'ms_office': expected any"},
	{"[limits]\nexe = 1M\n", "F:2: 'exe' is no file type: expected one of pe, apk, pdf,"},
	{"[limits]\nany = 1M\n", "F:2: 'any' is no file type: expected one of pe,"},
	{"[limits]\npe = 51M\n", "F:2: pe: '51M': expected a number of bytes from 1M to 50M"},
	{"[limits]\npe = 50M\nscript = 10239\n",
	 "F:3: script: '10239': expected a number of bytes from 10K to 4M"},
	{"[limits]\npdf = 0\n", "F:2: pdf: '0': expected a number of bytes from 100K to 50M"},
	{"[limits]\npe = 3 M\n", "F:2: pe: '3 M': expected a number of bytes from 1M"},
	{"[limits]\npe = -1\n", "F:2: pe: '-1': expected a number of bytes from 1M"},
	{"[limits]\npe = 17179869185G\n",
	 "F:2: pe: '17179869185G': expected a number of bytes"},
	{"[limits]\npe =\n", "F:2: pe: expected a value"},
	{"[limits]\npe = 2M\npe = 3M\n", "F:3: pe: given twice in this section"},
	{"[limits]\nemail-link = 1M\n", "F:2: email-link: this type has no limit"},
	{"[limits x]\n", "F:1: [limits] takes no name"},
	{"[limits]\n[limits]\n", "F:2: this section stands in line 1 already"},
	{"[limits]\na=1\nb=1\nc=1\nd=1\ne=1\nf=1\ng=1\nh=1\ni=1\nj=1\nk=1\nl=1\nm=1\nn=1\n"
	 "o=1\np=1\nq=1\nr=1\ns=1\nt=1\nu=1\nv=1\nw=1\nx=1\ny=1\n",
	 "F:26: y: more limits than there are file types"},
	{"[agent]\nmetrics = 0.0.0.0:9717\n",
	 "F:2: metrics: '0.0.0.0:9717': expected a path in run_dir, or"},
	{"[agent]\nmetrics = [::]:9717\n", "F:2: metrics: '[::]:9717': expected"},
	{"[agent]\nmetrics = 127.0.0.1:0\n", "F:2: metrics: '127.0.0.1:0': expected"},
	{"[agent]\nmetrics = 127.0.0.1:65536\n", "F:2: metrics: '127.0.0.1:65536': expected"},
	{"[agent]\nmetrics = 127.0.0.1:80x\n", "F:2: metrics: '127.0.0.1:80x': expected"},
	{"[agent]\nmetrics = localhost:80\n", "F:2: metrics: 'localhost:80': expected"},
	{"[agent]\nmetrics = /tmp/m\n", "F:2: metrics: '/tmp/m': expected"},
	{"[agent]\nmetrics = /run/sluice/\n", "F:2: metrics: '/run/sluice/': expected"},
	{"[agent]\nmetrics = /run/sluice/a/../../m\n",
	 "F:2: metrics: '/run/sluice/a/../../m': expected"},
	{"[agent]\nmetrics = /run/sluice/m\nrun_dir = /r\n",
	 "F:2: metrics: '/run/sluice/m': expected"},
	{"[agent]\nfile_types = types\n",
	 "F:2: file_types: 'types': expected an absolute path"},
	{"[agent]\nfile_types = /nonexistent/types\n", "/nonexistent/types"},
	{"[rule a]\npriority = 1\n", "F:2: priority: '1': expected high, normal or low"},
	{"[rule a]\ndirection = in\n",
	 "F:2: direction: 'in': expected both, download or upload"},
	{"[rule a]\ncloud = b\n", "F:2: cloud: there is no [cloud b]"},
	{"[rule a]\napplication = ,\n", "F:2: application: ',': expected a list of words"},
	{"[rule a]\naction = block\n",
	 "F:2: 'action' is no key of this section: expected one of application,"},
};

TEST_F(config, every_mistake)
{
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		EXPECT_FALSE(load(self, wrong[i].text))
		{
			TH_LOG("accepted: %s", wrong[i].text);
		}
		EXPECT_NE(NULL, strstr(self->said, wrong[i].error))
		{
			TH_LOG("%s: said: %s", wrong[i].text, self->said);
		}
		/* Nothing is left that could be run with. */
		EXPECT_EQ(0, self->c->clouds);
	}
}

TEST_F(config, where_metrics_are_served)
{
	EXPECT_TRUE(load(self, "[agent]\n"));
	EXPECT_EQ(NULL, self->c->metrics);
	EXPECT_TRUE(load(self, "[agent]\nmetrics = 127.0.0.1:65535\n"));
	EXPECT_STREQ("127.0.0.1:65535", self->c->metrics);
	EXPECT_TRUE(load(self, "[agent]\nmetrics = [::1]:1\n"));
	EXPECT_TRUE(load(self, "[agent]\nmetrics = /r/m\nrun_dir = /r\n"));
	EXPECT_STREQ("/r/m", self->c->metrics);
}

TEST_F(config, all_mistakes_of_a_file)
{
	EXPECT_FALSE(load(self,
			  "[capture]\nrings = x\nwhat = 1\n[cloud a]\nkind = no\n[share b]\n"
			  "user = maybe\n[rule r]\ncloud = q\n"));
	EXPECT_NE(NULL, strstr(self->said, "F:2: rings"));
	EXPECT_NE(NULL, strstr(self->said, "F:3: 'what'"));
	EXPECT_NE(NULL, strstr(self->said, "F:5: kind"));
	EXPECT_NE(NULL, strstr(self->said, "F:7: user"));
	EXPECT_NE(NULL, strstr(self->said, "F:6: [share b]"));
	EXPECT_NE(NULL, strstr(self->said, "F:9: cloud"));
}

#define CLOUD_AND_SHARE "[cloud a]\nkind = directory\n[share a]\ndefault = share\n"

TEST_F(config, applications_by_host)
{
	static const char table[] = "include built-in\nfiles.example  our-files  web-browsing\n"
				    "files.example  our-files-tls  ssl\n";
	char text[2048];

	scratch_write(self->dir, "applications", table, sizeof(table) - 1);
	/* The table may come behind the rules, and names count without their case. */
	snprintf(text, sizeof(text),
		 CLOUD_AND_SHARE
		 "[rule r]\ncloud = a\n"
		 "application = our-files Web-Browsing dropbox-base ms-ds-smbv3\n"
		 "[rule s]\ncloud = a\napplication = smtp,\tour-files-tls, ssl\n"
		 "[agent]\napplications = %s\n",
		 scratch_path(self->dir, "applications"));
	ASSERT_TRUE(load(self, text));
	EXPECT_STREQ("our-files", application_refine(self->c->applications, "web-browsing",
						     "www.files.example", 17));
	EXPECT_EQ(NULL, strstr(self->said, "F:7"));
	EXPECT_NE(NULL, strstr(self->said, "F:10: application: no file is ever seen in "
					   "'our-files-tls'"));
	EXPECT_NE(NULL, strstr(self->said, "F:10: application: no file is ever seen in 'ssl'"));
	EXPECT_EQ(NULL, strstr(self->said, "'smtp'"));
}

TEST_F(config, applications_that_nothing_gives)
{
	ASSERT_TRUE(load(self, CLOUD_AND_SHARE "[rule r]\ncloud = a\n"
					       "application = http, dropbox-base\n"));
	EXPECT_NE(NULL, strstr(self->said, "F:7: application: no file is ever seen in 'http'"));
	EXPECT_EQ(NULL, strstr(self->said, "dropbox"));
}

TEST_F(config, mistakes_in_the_table_of_applications)
{
	char text[1024], expected[1024];

	scratch_write(self->dir, "applications", "\nx.example y\n1.2.3.4 a ssl\n", 27);
	snprintf(text, sizeof(text), "[agent]\napplications = %s\n",
		 scratch_path(self->dir, "applications"));
	EXPECT_FALSE(load(self, text));
	snprintf(expected, sizeof(expected), "%s:2: 'y': expected DOMAIN NAME",
		 scratch_path(self->dir, "applications"));
	EXPECT_NE(NULL, strstr(self->said, expected));
	snprintf(expected, sizeof(expected), "%s:3: '1.2.3.4': expected a domain",
		 scratch_path(self->dir, "applications"));
	EXPECT_NE(NULL, strstr(self->said, expected));
	scratch_write(self->dir, "applications", "x.example y ssl\n\0", 17);
	EXPECT_FALSE(load(self, text));
	EXPECT_NE(NULL, strstr(self->said, "expected text"));
	EXPECT_FALSE(load(self, "[agent]\napplications = table\n"));
	EXPECT_NE(NULL, strstr(self->said, "F:2: applications: 'table': expected an absolute"));
	EXPECT_FALSE(load(self, "[agent]\napplications = /nonexistent/table\n"));
	EXPECT_NE(NULL, strstr(self->said, "F:2: applications: cannot read"));
}

TEST_F(config, legal_and_warned_about)
{
	char text[1024];

	ASSERT_TRUE(load(self, "[cloud a]\nkind = directory\n[rule r]\ndirection = both\n"));
	EXPECT_NE(NULL, strstr(self->said, "F:1: [cloud a] receives nothing"));
	EXPECT_NE(NULL, strstr(self->said, "F:3: [rule r] sends nothing"));
	EXPECT_FALSE(self->c->has_share[0]);
	EXPECT_EQ(0, self->c->rule[0].clouds);

	scratch_write(self->dir, "key", "k", 1);
	chmod(scratch_path(self->dir, "key"), 0644);
	snprintf(text, sizeof(text),
		 "[cloud a]\nkind = wildfire\nurl = http://x/\nkey_file = %s\n"
		 "[share a]\ndefault = omit\n",
		 scratch_path(self->dir, "key"));
	ASSERT_TRUE(load(self, text));
	EXPECT_NE(NULL, strstr(self->said, "F:3: url: http://x/ is not encrypted"));
	EXPECT_NE(NULL, strstr(self->said, "F:4: key_file: everybody can read"));
}

/* libinih would cut these without a word. */
TEST_F(config, long_lines)
{
	char text[8192], *at = text;

	at += sprintf(at, "[capture]\nvirtual_system = ");
	memset(at, 'x', 190);
	strcpy(at + 190, "\n");
	EXPECT_FALSE(load(self, text));
	EXPECT_NE(NULL, strstr(self->said, "F:2: the line is longer than"));
	strcpy(at + 170, "\n");
	ASSERT_TRUE(load(self, text));
	EXPECT_EQ(170, strlen(self->c->virtual_system));
	memset(at, 'x', 5000);
	strcpy(at + 5000, "\nrings = 0\n");
	EXPECT_FALSE(load(self, text));
	EXPECT_NE(NULL, strstr(self->said, "F:2: the line is too long"));
	EXPECT_NE(NULL, strstr(self->said, "F:3: rings"));
	/* A comment may be as long as it wants behind what counts, within reason. */
	at = text + sprintf(text, "[capture]\nrings = 3 # ");
	memset(at, 'x', 1000);
	strcpy(at + 1000, "\n");
	ASSERT_TRUE(load(self, text));
	EXPECT_EQ(3, self->c->rings);
	/* The longest name of a cloud. */
	at = text + sprintf(text, "[cloud ");
	memset(at, 'n', 63);
	strcpy(at + 63, "]\nkind = directory\n");
	ASSERT_TRUE(load(self, text));
	EXPECT_EQ(63, strlen(self->c->cloud[0].name));
}

TEST_F(config, not_text)
{
	static const char nul[] = "[capture]\nrings = 1\0 2\n";
	char noise[20000];
	uint64_t seed = 88172645463325252;

	EXPECT_FALSE(load_bytes(self, nul, sizeof(nul) - 1));
	EXPECT_NE(NULL, strstr(self->said, "F:2: control characters"));
	for (int round = 0; round < 20; round++) {
		for (size_t i = 0; i < sizeof(noise); i++)
			noise[i] = (char)scratch_random(&seed);
		EXPECT_FALSE(load_bytes(self, noise, sizeof(noise)));
	}
	/* There is an end to complaining. */
	memset(noise, '\n', sizeof(noise));
	for (size_t i = 0; i < sizeof(noise); i += 2)
		noise[i] = 'x';
	EXPECT_FALSE(load_bytes(self, noise, sizeof(noise)));
	EXPECT_NE(NULL, strstr(self->said, "too many errors"));
	EXPECT_EQ(NULL, strstr(self->said, "F:101:"));
}

TEST_F(config, too_many)
{
	char *text = malloc(CONFIG_RULES_MAX * 32), *at = text;

	for (int i = 0; i <= CONFIG_RULES_MAX; i++)
		at += sprintf(at, "[rule r%d]\n", i);
	EXPECT_FALSE(load(self, text));
	EXPECT_NE(NULL, strstr(self->said, "F:257: too many sections of this kind"));
	at = text;
	for (int i = 0; i <= CLOUD_MAX; i++)
		at += sprintf(at, "[cloud c%d]\n", i);
	EXPECT_FALSE(load(self, text));
	EXPECT_NE(NULL, strstr(self->said, "F:65: too many sections of this kind"));
	free(text);
}

TEST_F(config, no_file)
{
	EXPECT_FALSE(config_read(self->c, scratch_path(self->dir, "absent")));
	EXPECT_FALSE(config_read(self->c, self->dir));
}

TEST_HARNESS_MAIN
