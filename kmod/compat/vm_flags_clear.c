// SPDX-License-Identifier: GPL-2.0-only
/* Linux 6.3: vm_flags is changed through functions. */
#include <linux/mm.h>

void sluice_probe(struct vm_area_struct *vma);
void sluice_probe(struct vm_area_struct *vma)
{
	vm_flags_clear(vma, VM_MAYWRITE);
}
