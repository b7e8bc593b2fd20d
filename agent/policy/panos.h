/* SPDX-License-Identifier: MIT */
/*
 * The node of a PAN-OS configuration that says what a firewall keeps from the WildFire cloud:
 *
 *	<session-info-select>
 *	  <exclude-src-ip>yes</exclude-src-ip>		or <member>exclude-src-ip</member>
 *	</session-info-select>
 *
 * It names what is left out; what it does not name is shared, and an empty node shares all.
 * Both spellings are found in published configurations, below deviceconfig/setting/wildfire.
 */
#ifndef SLUICE_POLICY_PANOS_H
#define SLUICE_POLICY_PANOS_H

#include "lib/buf.h"
#include "policy/policy.h"

#define PANOS_ERROR_MAX 256

/*
 * The policy of the one node in an XML document, wherever in it that is.  False, with *p
 * omitting everything, when the document cannot be read, has no such node or several, or when
 * the node says what is not known: error is then "line L, column C: ...".
 */
bool panos_read(const char *text, size_t n, struct policy *p,
		char error[static PANOS_ERROR_MAX]);

/*
 * The node for a policy, appended to out, as elements or as members.  A firewall knows only yes
 * and no: what is not shared as seen is excluded, with a comment that says what was meant.
 * Returns the number of such fields.
 */
unsigned int panos_write(const struct policy *p, bool members, struct buf *out);

#endif
