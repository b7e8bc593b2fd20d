#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Does Documentation/netlink/specs/sluice.yaml say what uapi/linux/sluice.h says?

From the specification a C program is made that names every constant and every member of a
record as the specification would have it; it is compiled with the header and prints their
values.  The specification is also held against the kernel's schema where that is at hand.
"""
import os
import re
import subprocess
import sys
import tempfile

import yaml

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SPEC = os.path.join(TOP, 'Documentation/netlink/specs/sluice.yaml')
CACHE = os.environ.get('XDG_CACHE_HOME', os.path.expanduser('~/.cache'))
SCHEMA = os.path.join(CACHE, 'sluice/linux-source-6.12/Documentation/netlink/genetlink-legacy.yaml')

tests = failures = 0


def result(name, complaints, skip=None):
    global tests, failures
    tests += 1
    failures += bool(complaints)
    print('%sok %d - %s%s' % ('not ' if complaints else '', tests, name,
                              ' # SKIP ' + skip if skip else ''))
    for line in complaints:
        print('# ' + line)


def c_name(prefix, name):
    return (prefix + name).upper().replace('-', '_')


def compiled(expressions):
    """The value of each C expression, with the header."""
    source = '#include <stddef.h>\n#include <stdio.h>\n#include <linux/sluice.h>\nint main(void)\n{\n'
    source += ''.join('\tprintf("%%lld\\n", (long long)(%s));\n' % e for e in expressions)
    source += '\treturn 0;\n}\n'
    with tempfile.TemporaryDirectory() as where:
        program = os.path.join(where, 'program')
        done = subprocess.run(['cc', '-I', os.path.join(TOP, 'uapi'), '-x', 'c', '-', '-o', program],
                              input=source, text=True, stderr=subprocess.PIPE)
        if done.returncode:
            sys.exit('Bail out! ' + '\n# '.join(
                line for line in done.stderr.split('\n') if 'error' in line))
        return [int(line) for line in subprocess.run([program], stdout=subprocess.PIPE,
                                                     text=True, check=True).stdout.split()]


def same(name, pairs):
    """pairs: (C expression, value that the specification gives it)."""
    values = compiled([e for e, _ in pairs])
    result(name, ['%s is %d, the specification has %d' % (e, v, want)
                  for (e, want), v in zip(pairs, values) if v != want])


def numbered(items, first):
    for item in items:
        first = item.get('value', first)
        yield item, first
        first += 1


# How a member of a record is reached in C: the specification has no structs in structs.
def member(record, name):
    name = name.replace('-', '_')
    if record.startswith('record-') and name in ('length', 'type', 'flags'):
        return 'hdr.' + name
    for tuple_ in ('original', 'reply'):
        if name.startswith(tuple_ + '_'):
            return tuple_ + '.' + name[len(tuple_) + 1:]
    for n, end in enumerate(('opener', 'answerer')):
        if record == 'record-end' and name.startswith(end + '_'):
            return 'count[%d].%s' % (n, name[len(end) + 1:])
    return name


def check_record(definition):
    c = 'struct sluice_' + definition['name'].replace('-', '_')
    offset, pairs = 0, []
    for m in definition['members']:
        where = member(definition['name'], m['name'])
        size = m['len'] if m['type'] == 'binary' else int(m['type'][1:]) // 8
        pairs += [('offsetof(%s, %s)' % (c, where), offset),
                  ('sizeof(((%s *)0)->%s)' % (c, where), size)]
        offset += size
    same(definition['name'], pairs + [('sizeof(%s)' % c, offset)])


def check_settings(attributes):
    """Limits are the second thing a program reads out of a specification."""
    header = open(os.path.join(TOP, 'uapi/linux/sluice.h')).read()
    table = re.search(r'#define SLUICE_SETTINGS\(X\)(.*?[^\\])\n', header, re.S).group(1)
    rows = re.findall(r'X\((\w+), (\w+), (\w+), (\w+),', table)
    pairs = []
    for row in rows:
        a = attributes['settings-' + row[1].replace('_', '-')]
        checks = a.get('checks', {})
        pairs += [(row[2], checks.get('min', 0)), (row[3] + 'u', checks.get('max', 0xffffffff))
                  if row[3][0].isdigit() else (row[3], checks['max'])]
    same('limits of the %d settings' % len(rows), pairs)
    table = re.search(r'#define SLUICE_LISTS\(X\)(.*?[^\\])\n', header, re.S).group(1)
    rows = re.findall(r'X\((\w+), (\w+), (struct \w+),', table)
    same('limits of the %d lists' % len(rows),
         [('SLUICE_UDP_ENTRIES_MAX * sizeof(%s)' % entry,
           attributes['settings-' + name.replace('_', '-')]['checks']['max-len'])
          for _, name, entry in rows])


def main():
    spec = yaml.safe_load(open(SPEC))
    definitions = {d['name']: d for d in spec['definitions']}
    attributes = spec['attribute-sets'][0]['attributes']
    operations = spec['operations']['list']

    if os.path.exists(SCHEMA):
        import jsonschema
        try:
            jsonschema.validate(spec, yaml.safe_load(open(SCHEMA)))
            result('the specification follows the schema', [])
        except jsonschema.ValidationError as error:
            result('the specification follows the schema', str(error).split('\n'))
    else:
        result('the specification follows the schema', [], 'no kernel source in the cache')

    pairs = [(c_name('sluice-a-', a['name']), n) for a, n in numbered(attributes, 1)]
    same('attributes', pairs + [('SLUICE_A_MAX', pairs[-1][1])])
    pairs = [(c_name('sluice-cmd-', o['name']), n) for o, n in numbered(operations, 0)]
    same('commands', pairs + [('SLUICE_CMD_MAX', pairs[-1][1])])
    pairs = []
    for d in definitions.values():
        if d['type'] == 'const':
            pairs.append((c_name('sluice-', d['name']), d['value']))
        elif d['type'] in ('enum', 'flags'):
            for n, e in enumerate(d['entries'], d.get('value-start', 0)):
                name = c_name(d['name-prefix'], e if isinstance(e, str) else e['name'])
                # Hooks are bits already, fields are numbers of bits.
                pairs.append((name, 1 << n if d['name'] == 'hook' else n))
    same('definitions', pairs + [('SLUICE_FIELD_COUNT', len(definitions['field']['entries']))])
    for d in definitions.values():
        if d['type'] == 'struct':
            check_record(d)
    check_settings({a['name']: a for a in attributes})
    groups = [g['name'] for g in spec['mcast-groups']['list']]
    same('groups and family', [('sizeof(SLUICE_MCGRP_%s) - 1' % g.upper(), len(g)) for g in groups] +
         [('sizeof(SLUICE_GENL_NAME) - 1', len(spec['name']))])
    print('1..%d' % tests)
    return 1 if failures else 0


sys.exit(main())
