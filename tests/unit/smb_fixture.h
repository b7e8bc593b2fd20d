/* SPDX-License-Identifier: MIT */
/*
 * A conversation of SMB for every test.
 */
#ifndef SLUICE_TESTS_UNIT_SMB_FIXTURE_H
#define SLUICE_TESTS_UNIT_SMB_FIXTURE_H

#include <kselftest_harness.h>

#include "smb_talk.h"

FIXTURE(smb)
{
	struct conversation c;
	struct talk t;
};

FIXTURE_SETUP(smb)
{
	ASSERT_TRUE(conversation_begin(&self->c));
	talk_begin(&self->t, &self->c);
}

FIXTURE_TEARDOWN(smb)
{
	buf_free(&self->t.message);
	conversation_end(&self->c);
}

#endif
