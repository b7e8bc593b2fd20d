// SPDX-License-Identifier: GPL-2.0-only
/* Linux 6.17: sk_uid() takes the place of sock_i_uid(). */
#include <net/sock.h>

kuid_t sluice_probe(const struct sock *sk);
kuid_t sluice_probe(const struct sock *sk)
{
	return sk_uid(sk);
}
