#!/usr/bin/python3
# SPDX-License-Identifier: MIT
#
# sluicectl sightings --format: one sighting says the same in every format, whatever its names are.
#
# Each format is read back by a parser that knows nothing of Sluice (json, csv, liblognorm for CEF), and
# by what was published of it, written down here once more: EVE's schema (suricata etc/schema.json),
# OCSF 1.7's Detection Finding, PAN-OS 10.2's "Threat Log Fields", CEF revision 23.
import calendar
import csv
import io
import json
import os
import re
import subprocess
import sys
import tempfile
import time

import replay
from replay import case, same

BUILD = os.environ.get("BUILD", os.path.join(replay.ROOT, "build"))
SLUICED = os.environ.get("SLUICED", os.path.join(BUILD, "sluiced"))
SLUICECTL = os.environ.get("SLUICECTL", os.path.join(BUILD, "sluicectl"))
COMPLETION = os.path.join(replay.ROOT, "scripts", "install", "sluicectl.bash")
FORMATS = ("ecs", "eve", "ocsf", "panos", "cef")
ENV = {**os.environ, "LC_ALL": "C.UTF-8"}
CAPTURES = ("zeek/http/multipart.pcap", "zeek/http/206_example_c.pcap", "pcapplusplus/four_ipv6_http_streams.pcap",
            "arkime/smtp-subject-utf8-mixed.pcap", "suricata-verify/output-eve-ftp-data/input.pcap",
            "suricata-verify/smb1-02/input.pcap", "suricata-verify/nfs3-01/input.pcap",
            "suricata-verify/output-eve-tftp-01/input.pcap", "zeek/smtp-attachment-msg.pcap",
            "zeek/http/206_example_b.pcap", "suricata-verify/smtp-extract-url-schemes/input.pcap")
HOSTILE = ('quote " and ""', "comma, and;", "new\nline\r\nand\rreturn", "pipe | pipe", "equals = a=b dst=1.2.3.4 c=",
           "back\\slash\\n\\=\\", " spaces at both ends ", "\x1b[2J\x07\x7f\x01tab\there", "日本語 \u202e \u2028 \u0085",
           "no UTF-8 \ufffd\ufffd", "=", '"', ",", "\\", "|", "x" * 8000, "'; DROP TABLE", "CEF:0|a|b|c|d|e|f|", "{\"a\":1}")
PANOS = """future_use1 receive_time serial type subtype future_use2 time_generated src dst natsrc natdst rule srcuser dstuser
app vsys from to inbound_if outbound_if logset future_use3 sessionid repeatcnt sport dport natsport natdport flags proto
action misc threatid category severity direction seqno actionflags srcloc dstloc future_use4 contenttype pcap_id filedigest
cloud url_idx user_agent filetype xff referer sender subject recipient reportid dg_hier_level_1 dg_hier_level_2
dg_hier_level_3 dg_hier_level_4 vsys_name device_name future_use5 src_uuid dst_uuid http_method imsi imei
parent_session_id parent_start_time tunnel thr_category contentver future_use6 assoc_id ppid http_headers
url_category_list rule_uuid http2_connection dynusergroup_name xff_ip src_category src_profile src_model src_vendor
src_osfamily src_osversion src_host src_mac dst_category dst_profile dst_model dst_vendor dst_osfamily dst_osversion
dst_host dst_mac container_id pod_namespace pod_name src_edl dst_edl hostid serialnumber domain_edl src_dag dst_dag
partial_hash high_res_timestamp reason justification nssai_sst subcategory_of_app category_of_app technology_of_app
risk_of_app characteristic_of_app container_of_app tunneled_app is_saas_of_app sanctioned_state_of_app
cloud_reportid""".split()
# In the order of the twelve fields.
FIELDS = ("source_ip source_port destination_ip destination_port virtual_system application user url filename "
          "email_sender email_recipient email_subject").split()


def ctl(log, *argv, status=0):
    done = subprocess.run([SLUICECTL, "sightings", "-d", log, *argv], capture_output=True, timeout=60, env=ENV)
    same(done.returncode, status, " ".join(argv) + ": exit status, " + done.stderr.decode())
    return done.stdout.decode() if status == 0 else done.stderr.decode()


def at(obj, path):
    for name in path.split("."):
        obj = obj.get(name) if isinstance(obj, dict) else obj[int(name)] if obj and name.isdigit() else None
    return obj


def given(facts):
    return {k: v for k, v in facts.items() if v not in (None, "", [])}


def seconds(text):
    return calendar.timegm(time.strptime(text[:19], "%Y-%m-%dT%H:%M:%S"))


def visible(text, but=""):
    """What a format without an escape for them makes of control characters."""
    return text and re.sub("[\x00-\x1f\x7f]", lambda m: m[0] if m[0] in but else "\\x%02x" % ord(m[0]), text)


# ------------------------------------------------------------ what each says

def ecs(s):
    whole = at(s, "sluice.file.state") == "complete"
    return given(dict(
        source_ip=at(s, "source.ip"), source_port=at(s, "source.port"), destination_ip=at(s, "destination.ip"),
        destination_port=at(s, "destination.port"), virtual_system=at(s, "sluice.virtual_system"),
        application=at(s, "network.application"), user=at(s, "user.name"), url=at(s, "url.original"),
        filename=at(s, "file.name"), email_sender=at(s, "email.from.address"), email_recipient=at(s, "email.to.address"),
        email_subject=at(s, "email.subject"), sha256=at(s, "file.hash.sha256"), size=at(s, "file.size"), complete=whole,
        direction=at(s, "sluice.direction"), rule=at(s, "rule.name"), session=at(s, "sluice.session.id"),
        id=at(s, "event.id"), time=s["@timestamp"][:19], proto=at(s, "network.transport"),
        agent=at(s, "user_agent.original"), method=at(s, "http.request.method"), referrer=at(s, "http.request.referrer")))


def eve(line):
    e = json.loads(line)
    host, port, path = at(e, "http.hostname"), at(e, "http.http_port"), at(e, "http.url")
    url = at(e, "sluice.url")
    if host and url and "://" in url and url.split("://")[1].startswith(host):
        same(url, url.split("://")[0] + "://" + host + (":%d" % port if port else "") + (path if path != "/" or
             url.endswith("/") else ""), "EVE: the URL and its parts")
    return e, given(dict(
        source_ip=e["src_ip"], source_port=e["src_port"], destination_ip=e["dest_ip"], destination_port=e["dest_port"],
        virtual_system=at(e, "sluice.virtual_system"), application=at(e, "sluice.application"), user=at(e, "sluice.user"),
        url=url, filename=at(e, "fileinfo.filename"), email_sender=at(e, "email.from"),
        email_recipient=at(e, "email.to"), email_subject=at(e, "email.subject"), sha256=at(e, "fileinfo.sha256"),
        size=at(e, "fileinfo.size"), complete=at(e, "fileinfo.state") == "CLOSED", direction=at(e, "sluice.direction"),
        rule=at(e, "sluice.rule"), session=e["flow_id"], id=at(e, "sluice.id"), time=e["timestamp"][:19],
        proto=e["proto"].lower()))


def ocsf(line):
    o = json.loads(line)
    e = o["evidences"][0]
    name, mail = at(e, "file.name"), e.get("email") or at(o, "unmapped.email") or {}
    return o, given(dict(
        source_ip=at(e, "src_endpoint.ip"), source_port=at(e, "src_endpoint.port"),
        destination_ip=at(e, "dst_endpoint.ip"), destination_port=at(e, "dst_endpoint.port"),
        virtual_system=at(o, "metadata.tenant_uid"), application=at(e, "actor.app_name"), user=at(e, "user.name"),
        url=at(e, "url.url_string"), filename=None if re.fullmatch(r"\([a-z-]+\)", name) else name,
        email_sender=mail.get("from_list"), email_recipient=mail.get("to"), email_subject=mail.get("subject"),
        sha256=at(e, "file.hashes.0.value"), size=at(e, "file.size"),
        complete=at(o, "unmapped.sluice.file.state") == "complete",
        direction={1: "download", 2: "upload"}[at(e, "connection_info.direction_id")], rule=at(o, "unmapped.rule"),
        session=int(at(e, "connection_info.uid")), id=o["finding_info"]["uid"], time=at(o, "metadata.original_time")[:19],
        proto=at(e, "connection_info.protocol_name"), agent=at(e, "http_request.user_agent"),
        method=at(e, "http_request.http_method") or at(o, "unmapped.http_method"), referrer=at(e, "http_request.referrer")))


def addresses(text, what):
    if not text:
        return None
    assert text.startswith(what + ": ") and text.endswith(";"), text
    return text[len(what) + 2:-1].split(";")


def panos(line):
    row, = csv.reader(io.StringIO(line, newline=""), strict=True)
    same(len(row), len(PANOS), "columns")
    p = dict(zip(PANOS, row))
    upload = p["direction"] == "client-to-server"
    return p, given(dict(
        source_ip=p["src"], source_port=int(p["sport"]), destination_ip=p["dst"], destination_port=int(p["dport"]),
        virtual_system=p["vsys"], application=p["app"], user=p["srcuser" if upload else "dstuser"], misc=p["misc"],
        email_sender=addresses(p["sender"], "From"), email_recipient=addresses(p["recipient"], "To"),
        email_subject=p["subject"], sha256=p["filedigest"], direction="upload" if upload else "download",
        rule=p["rule"], session=int(p["sessionid"]), time=p["time_generated"].replace("/", "-").replace(" ", "T"),
        proto=p["proto"], agent=p["user_agent"], method=p["http_method"], referrer=p["referer"]))


def cef_parse(line):
    """By the rules alone: seven fields up to pipes without a backslash, then keys and values."""
    parts = re.match(r"CEF:0\|((?:[^|\\]|\\[|\\])*)\|" + r"((?:[^|\\]|\\[|\\])*)\|" * 5 + r"(.*)$", line, re.S)
    assert parts, line
    header = [re.sub(r"\\(.)", r"\1", p) for p in parts.groups()[:6]]
    rest, values = parts[7], {}
    while rest:
        one = re.match(r"(\w+)=((?:[^=\\]|\\[=\\nr])*?)(?: (?=\w+=)|$)", rest)
        assert one, "no key and value: " + rest
        assert one[1] not in values, one[1] + " is there twice"
        values[one[1]] = re.sub(r"\\(.)", lambda m: {"n": "\n", "r": "\r"}.get(m[1], m[1]), one[2])
        rest = rest[one.end():]
    return header, values


def cef_says(c):
    upload = c["flexString2"] == "client-to-server"
    split = lambda text: text and text.split(";")
    return given(dict(
        source_ip=c.get("src") or c.get("c6a2"), source_port=int(c["spt"]),
        destination_ip=c.get("dst") or c.get("c6a3"), destination_port=int(c["dpt"]),
        virtual_system=c.get("cs3"), application=c.get("app"), user=c.get("suser" if upload else "duser"),
        url=c.get("request"), filename=c.get("fname"), email_sender=split(c.get("suid")),
        email_recipient=split(c.get("duid")), email_subject=c.get("msg"), sha256=c.get("fileHash"), size=int(c["fsize"]),
        complete=c["outcome"] == "complete", direction="upload" if upload else "download", rule=c.get("cs1"),
        session=int(c["cn1"]), id=c["externalId"], proto=c["proto"].lower(), agent=c.get("requestClientApplication"),
        method=c.get("requestMethod"), referrer=c.get("requestContext")))


def wanted(facts, keys, change=lambda v: v):
    """The facts that a format has a place for, texts as it writes them; a list as one text."""
    def one(v):
        return [change(x) for x in v] if isinstance(v, list) else change(v) if isinstance(v, str) else v
    return {k: one(v) for k, v in facts.items() if k in keys}


# --------------------------------------------------------------- the log

def twelve(line, values):
    """The sighting with all twelve fields (but addresses and ports) as given."""
    s = json.loads(json.dumps(line))
    v = dict(zip(FIELDS[4:], values))
    s["sluice"]["virtual_system"], s["network"]["application"] = v["virtual_system"], v["application"]
    s["user"], s["url"], s["file"]["name"] = {"name": v["user"]}, {"original": v["url"]}, v["filename"]
    s["email"] = {"from": {"address": [v["email_sender"]]}, "to": {"address": [v["email_recipient"], "b@example.net"]},
                  "subject": v["email_subject"]}
    s["rule"] = {"name": v["user"]}
    s["user_agent"] = {"original": v["filename"]}
    s["http"] = {"request": {"method": v["application"], "referrer": v["url"]}}
    return s


class World:
    def __init__(self, top):
        self.log = os.path.join(top, "log")
        os.mkdir(self.log)
        rows = []
        for i, capture in enumerate(CAPTURES):
            out = os.path.join(top, str(i))
            os.mkdir(out)
            replay.run(SLUICED, os.path.join(replay.CORPUS, capture), out, 120)
            with open(os.path.join(out, "read", "sightings.jsonl")) as f:
                rows += f.read().splitlines()
        self.real = [json.loads(r) for r in rows]
        up = next(s for s in self.real if at(s, "sluice.direction") == "upload")
        down = next(s for s in self.real if at(s, "sluice.direction") == "download")
        for i, value in enumerate(HOSTILE):
            v = [value.replace(";", ".")] * 8
            rows.append(json.dumps(twelve((up, down)[i % 2], v), ensure_ascii=bool(i % 3)))
            bare = twelve((up, down)[i % 2], v)
            del bare["file"]["name"], bare["email"]["from"], bare["email"]["to"]
            rows.append(json.dumps(bare))
        canary = ["vsys-canary", "app-canary", "user-canary", "http://canary.example:8080/a/b?c=d", "name-canary",
                  "from-canary@example.org", "to-canary@example.net", "subject-canary"]
        rows.append(json.dumps(twelve(up, canary)))
        member = twelve(down, canary)
        del member["file"]["name"]
        member["sluice"]["file"]["container"] = {"sha256": "ab" * 32, "path": 'in/side, "x".exe'}
        rows.append(json.dumps(member))
        self.text = "".join(r + "\n" for r in rows)
        self.rows = [json.loads(r) for r in rows]
        with open(os.path.join(self.log, "sightings.jsonl"), "w") as f:
            f.write(self.text)
        self.lines = {f: ctl(self.log, "-n", "all", "--format", f) for f in FORMATS}
        for f, text in self.lines.items():
            lines = text.split("\n")
            same(len(lines), len(rows) + 1, f + ": lines, and nothing else that ends one")
            self.lines[f] = lines[:-1]


W = None


@case
def captures(where):
    """captures have what the formats differ in"""
    apps = {at(s, "network.application") for s in W.real}
    for name in ("web-browsing", "smtp", "nfs", "tftp"):
        assert name in apps, "no %s in %r" % (name, apps)
    same({":" in s["source"]["ip"] for s in W.real}, {True, False}, "IPv6 and IPv4")
    same({at(s, "sluice.file.state") for s in W.real}, {"complete", "truncated"}, "states")


@case
def ecs_is_the_log(where):
    """ecs: the lines as they stand in the log, as --json"""
    same("\n".join(W.lines["ecs"]) + "\n", W.text, "ecs")
    same(ctl(W.log, "-n", "all", "--json"), W.text, "--json")
    same(ctl(W.log, "-n", "all", "--json", "--format", "ecs"), W.text, "both")


EVE_TOP = dict(timestamp=str, host=str, flow_id=int, in_iface=str, event_type=str, src_ip=str, src_port=int, dest_ip=str,
               dest_port=int, proto=str, ip_v=int, app_proto=str, vlan=list, http=dict, smtp=dict, email=dict, smb=dict,
               nfs=dict, ftp_data=dict, tftp=dict, fileinfo=dict)
EVE_PARTS = dict(
    fileinfo=dict(filename=str, magic=str, sha256=str, state=str, stored=bool, size=int, gaps=bool),
    http=dict(hostname=str, http_port=int, url=str, http_user_agent=str, http_content_type=str, http_refer=str,
              http_method=str, status=int),
    smtp=dict(mail_from=str, rcpt_to=list), smb=dict(filename=str, share=str), nfs=dict(filename=str),
    email={"from": str, "to": list, "subject": str, "message_id": str}, ftp_data=dict(command=str, filename=str),
    tftp=dict(file=str))


def typed(obj, types, what):
    for key, value in obj.items():
        assert key in types, "%s: %s is none of the schema's" % (what, key)
        same(type(value), types[key], "%s: type of %s" % (what, key))


@case
def eve_says(where):
    """eve: names and types of Suricata's schema, and what the log says"""
    for s, line in zip(W.rows, W.lines["eve"]):
        e, says = eve(line)
        own = e.pop("sluice")
        typed(e, EVE_TOP, "EVE")
        for part, types in EVE_PARTS.items():
            typed(e.get(part, {}), types, "EVE " + part)
        same(e["event_type"], "fileinfo", "event_type")
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+0000", e["timestamp"]), e["timestamp"]
        assert {"filename", "state", "stored", "size", "gaps"} <= set(e["fileinfo"]), e["fileinfo"]
        same(e["fileinfo"]["gaps"], at(s, "sluice.file.missing") > 0, "gaps")
        same({k: own[k] for k in s["sluice"]}, s["sluice"], "everything of ours")
        facts = ecs(s)
        sender = facts.get("email_sender")
        want = {**wanted(facts, set(facts) - {"agent", "method", "referrer"}),
                **({"email_sender": ";".join(sender)} if sender else {})}
        if not at(s, "file.name"):
            want["filename"] = at(s, "sluice.file.container.path") or at(e, "http.url")
        same(says, given(want), "EVE")
    protocols = {json.loads(l).get("app_proto") for l in W.lines["eve"]}
    assert {"http", "smtp", "nfs", "tftp"} <= protocols, protocols


# What suricata-verify expects of Suricata's own events on these captures: how many have these values.
SURICATA = (
    ("http-gap-beyond-body/input.pcap", 1, {"fileinfo.size": 12, "fileinfo.state": "TRUNCATED", "fileinfo.gaps": True}),
    ("http-gap-simple/input.pcap", 1, {"fileinfo.size": 70, "fileinfo.state": "TRUNCATED", "fileinfo.gaps": True}),
    ("http-brotli-ce/input.pcap", 1, {"fileinfo.filename": "f.txt", "fileinfo.size": 121}),
    ("http-brotli-ce/input.pcap", 2, {}),
    ("bug-6402-01/input.pcap", 1, {"fileinfo.state": "CLOSED", "fileinfo.size": 18}),
    ("file-match-crossed/http-multipart-post.pcap", 1,
     {"fileinfo.sha256": "c345c434702129224a0a3e89810a7ed2556718221c0d36fdb7e52b93fa732b00"}),
    ("smb-length-5786/input.pcap", 1, {"fileinfo.filename": "toto.txt", "dest_port": 445, "app_proto": "smb"}),
)


@case
def eve_suricata(where):
    """eve: what Suricata's own events say of the same captures"""
    for i, (name, count, values) in enumerate(SURICATA):
        out = os.path.join(where, "suricata-%d" % i)
        os.mkdir(out)
        replay.run(SLUICED, os.path.join(replay.CORPUS, "suricata-verify", name), out, 60)
        events = [json.loads(l) for l in ctl(os.path.join(out, "read"), "-n", "all", "--format", "eve").split("\n")[:-1]]
        same(sum(all(at(e, k) == v for k, v in values.items()) for e in events), count, "%s: %r" % (name, values))


OCSF_REQUIRED = ("activity_id category_uid class_uid type_uid severity_id time finding_info.uid metadata.version "
                 "metadata.product.name evidences.0.file.name evidences.0.file.type_id "
                 "evidences.0.connection_info.direction_id").split()
OCSF_TYPES = {"": dict(activity_id=int, activity_name=str, category_uid=int, category_name=str, class_uid=int,
                       class_name=str, type_uid=int, type_name=str, severity_id=int, severity=str, status_id=int,
                       status=str, time=int, start_time=int, end_time=int, message=str, metadata=dict, finding_info=dict,
                       evidences=list, unmapped=dict),
              "metadata": dict(version=str, uid=str, log_name=str, original_time=str, tenant_uid=str, reporter=dict,
                               product=dict),
              "metadata.product": dict(name=str, vendor_name=str, version=str),
              "finding_info": dict(uid=str, title=str, first_seen_time=int, last_seen_time=int),
              "evidences.0": dict(actor=dict, user=dict, src_endpoint=dict, dst_endpoint=dict, connection_info=dict,
                                  file=dict, url=dict, email=dict, http_request=dict, http_response=dict),
              "evidences.0.actor": dict(app_name=str), "evidences.0.user": dict(name=str),
              "evidences.0.src_endpoint": dict(ip=str, port=int, owner=dict, zone=str, interface_name=str),
              "evidences.0.dst_endpoint": dict(ip=str, port=int, owner=dict, zone=str, interface_name=str),
              "evidences.0.connection_info": dict(uid=str, protocol_name=str, protocol_num=int, protocol_ver_id=int,
                                                  direction_id=int, direction=str),
              "evidences.0.file": dict(name=str, path=str, size=int, mime_type=str, type_id=int, hashes=list),
              "evidences.0.url": dict(url_string=str, hostname=str, port=int),
              "evidences.0.email": {"from": str, "from_list": list, "to": list, "subject": str, "message_uid": str,
                                    "smtp_from": str, "smtp_to": list},
              "evidences.0.http_request": dict(http_method=str, user_agent=str, referrer=str),
              "evidences.0.http_response": dict(code=int)}


@case
def ocsf_says(where):
    """ocsf: what class 2004 requires, its names and types, and what the log says"""
    for s, line in zip(W.rows, W.lines["ocsf"]):
        o, says = ocsf(line)
        for path in OCSF_REQUIRED:
            assert at(o, path) is not None, "%s is required" % path
        same((o["class_uid"], o["category_uid"], o["type_uid"]), (2004, 2, 2004 * 100 + o["activity_id"]), "class")
        same(o["time"] // 1000, seconds(s["@timestamp"]), "time")
        for path, types in OCSF_TYPES.items():
            typed((at(o, path) if path else o) or {}, types, "OCSF " + path)
        assert at(o, "evidences.0.http_request.http_method") in (None, "CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH",
                                                                 "POST", "PUT", "TRACE"), line
        mail = at(o, "evidences.0.email")
        assert not mail or "from" in mail or "to" in mail, "an e-mail needs one of both"
        for h in at(o, "evidences.0.file.hashes") or []:
            same((h["algorithm_id"], len(h["value"])), (3, 64), "fingerprint")
        facts = ecs(s)
        if at(s, "sluice.file.container.path") and not at(s, "file.name"):
            facts["filename"] = at(s, "sluice.file.container.path")
        same(says, facts, "OCSF")
        same(at(o, "unmapped.sluice"), s["sluice"], "everything of ours")


@case
def panos_says(where):
    """panos: the published columns in their order, quoting, and what the log says"""
    for s, line in zip(W.rows, W.lines["panos"]):
        assert not re.search("[\x00-\x1f\x7f]", line), repr(line)
        p, says = panos(line)
        same((p["type"], p["subtype"]), ("THREAT", "wildfire"), "type")
        assert ',"%s",' % p["misc"].replace('"', '""') in line, "misc is in quotes always: " + line
        for name in PANOS:
            if name.startswith("future_use") and name != "future_use1" or name in ("serial", "category", "cloud", "seqno"):
                same(p[name], "", name)
        facts = ecs(s)
        # One column for name and URL.
        facts["misc"] = (facts.get("filename") or at(s, "sluice.file.container.path") or facts.get("url"))
        same(says, given(wanted(facts, set(facts) - {"filename", "url", "size", "complete", "id"}, visible)), "PAN-OS")
        same(p["vsys"], p["vsys_name"], "virtual system")
        same(p["high_res_timestamp"], s["@timestamp"][:23] + "+00:00", "high_res_timestamp")
        same(p["natsrc"], at(s, "source.nat.ip") or "", "natsrc")


@case
def cef_rules(where):
    """cef: read by the published rules, and what the log says"""
    for s, line in zip(W.rows, W.lines["cef"]):
        assert not re.search("[\x00-\x1f\x7f]", line), repr(line)
        header, c = cef_parse(line)
        same(header[:2], ["Sluice", "sluiced"], "who")
        facts = ecs(s)
        if at(s, "sluice.file.container.path") and not at(s, "file.name"):
            facts["filename"] = at(s, "sluice.file.container.path")
        same(cef_says(c), given(wanted(facts, set(facts) - {"time"}, lambda v: visible(v, "\n\r"))), "CEF")
        same(int(c["rt"]) // 1000, seconds(s["@timestamp"]), "rt")
        for key in c:
            if key.endswith("Label"):
                assert key[:-5] in c, key + " labels nothing"
        assert ("src" in c) != ("c6a2" in c), "an IPv6 address has a key of its own"
        assert ":" not in c.get("src", ""), c


@case
def cef_liblognorm(where):
    """cef: liblognorm's parser of the format reads the same"""
    rules = os.path.join(where, "cef.rb")
    with open(rules, "w") as f:
        f.write("version=2\nrule=:%f:cef%\n")
    # It takes the first byte of the extensions for a space.
    lines = [re.sub(r"^(CEF:0\|(?:[^|\\]|\\.)*\|(?:(?:[^|\\]|\\.)*\|){5})", r"\1 ", l) for l in W.lines["cef"]]
    done = subprocess.run(["lognormalizer", "-r", rules, "-e", "json"], input="\n".join(lines) + "\n", text=True,
                          capture_output=True, timeout=60)
    same(done.returncode, 0, done.stderr)
    got = [json.loads(l) for l in done.stdout.split("\n")[:-1]]
    same(len(got), len(lines), "lines")
    for g, line in zip(got, W.lines["cef"]):
        header, values = cef_parse(line)
        assert "f" in g, "refused: " + line
        f = g["f"]
        same([f[k] for k in ("DeviceVendor", "DeviceProduct", "DeviceVersion", "SignatureID", "Name", "Severity")],
             header, "header")
        same(f["Extensions"], values, "extensions of " + line)


@case
def follow(where):
    """-f renders each new one as it comes"""
    log = os.path.join(where, "followed")
    os.mkdir(log)
    path = os.path.join(log, "sightings.jsonl")
    rows = W.text.splitlines(True)
    with open(path, "w") as f:
        f.write("".join(rows[:3]))
    for name in FORMATS:
        child = subprocess.Popen([SLUICECTL, "sightings", "-f", "-n", "1", "-d", log, "--format", name],
                                 stdout=subprocess.PIPE, env=ENV)
        try:
            with open(path) as f:
                have = f.read().count("\n")
            same(child.stdout.readline().decode(), W.lines[name][have - 1] + "\n", name + ": the last one")
            with open(path, "a") as f:
                f.write(rows[have])
            same(child.stdout.readline().decode(), W.lines[name][have] + "\n", name + ": the new one")
        finally:
            child.terminate()
            child.wait(20)
            child.stdout.close()


@case
def terminal(where):
    """a terminal gets nothing that commands it"""
    for name in FORMATS:
        text = replay.terminal((SLUICECTL, "sightings", "-d", W.log, "-n", "45", "--format", name), 80, ENV)
        same(text.count("\n"), 45, name + ": lines")
        bad = re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u202a-\u202e\u2066-\u2069]", text)
        assert not bad, "%s: %r" % (name, bad)


@case
def usage(where):
    """filters hold, wrong formats are refused, help and completion name the right ones"""
    assert "expected ecs, eve, ocsf, panos or cef" in ctl(W.log, "--format", "leef", status=2)
    assert "exclude each other" in ctl(W.log, "--format", "cef", "--json", status=2)
    mine = [l for l in W.lines["panos"] if panos(l)[0]["app"] == "smtp"]
    same(ctl(W.log, "-n", "all", "-a", "smtp", "--format=panos").splitlines(), mine, "filtered")
    text = subprocess.run([SLUICECTL, "help", "sightings"], capture_output=True, text=True).stdout
    for name in FORMATS:
        assert name in text, text
    script = '. %s; sluicectl() { %s "$@"; }; COMP_WORDS=(sluicectl sightings --format ""); COMP_CWORD=3; _sluicectl; ' \
             'echo "${COMPREPLY[*]}"' % (COMPLETION, SLUICECTL)
    same(subprocess.run(["bash", "-c", script], capture_output=True, text=True, env=ENV).stdout.split(), list(FORMATS),
         "completion")


if __name__ == "__main__":
    replay.need(SLUICED)
    if not os.path.isdir(replay.CORPUS):
        replay.skip(f"no corpus at {replay.CORPUS}")
    with tempfile.TemporaryDirectory(prefix="sluice-render-") as top:
        W = World(top)
        sys.exit(replay.main(SLUICECTL))
