#!/usr/bin/python3
# SPDX-License-Identifier: MIT
#
# The kinds cape and assemblyline: their servers as the forwarder meets them, which check each byte of
# its requests, and answer as their sources say.
import json
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from collector import DROP, Collector, answer
from driven import DRIVER, FILE_PART, JSON_PART, KEY, Sample, all_asked, case, drive, head, replay, same, same_request

LOST = "taken, and no answer"


def as_json(value, status=200, *headers):
    return answer(status, json.dumps(value).encode(), "Content-Type: application/json", *headers)


class Api:
    """A cloud that is asked first: of each request it knows every byte that there must be.

    answers: in turn, in place of what it would answer; LOST: it takes it, and says nothing.
    """
    more = {}       # settings of its kind

    def __init__(self, answers=(), session=True, **sample):
        self.s, self.session, self.link = Sample(**sample), session, sample.get("link", False)
        self.known, self.left = set(), list(answers)
        self.collector = Collector(self.reply)
        self.port = self.collector.port
        self.url = "http://127.0.0.1:%d%s" % (self.port, self.base)

    def reply(self, request):
        said = self.left.pop(0) if self.left else None
        if said not in (None, LOST):
            return said
        if request.method == "GET":
            return DROP if said is LOST else self.found(request.target)
        self.known.add(self.s.sha256)
        return DROP if said is LOST else self.taken()

    def run(self, where, **options):
        before = len(self.collector.requests)
        options = {"session": int(self.session), "link": int(self.link), "size": len(self.s.data), **options}
        run = drive(where, self.kind, self.url, key=KEY, **self.more, **options)
        came = self.collector.requests[before:]
        for r in came:
            same_request(r, self.question() if r.method == "GET" else self.upload())
        all_asked(run, came)
        return run, [r.method for r in came]

    def close(self):
        self.collector.close()


class Cape(Api):
    kind, base = "cape", "/apiv2"
    headers = ["Authorization: Token " + KEY]

    def question(self):
        return head("GET", self.port, "/apiv2/tasks/search/sha256/%s/" % self.s.sha256, self.headers)

    def upload(self):
        parts = [(b"url", b"", self.s.data)] if self.link else [(b"file", FILE_PART, self.s.data)]
        if self.session:
            parts += [(b"custom", JSON_PART, self.s.envelope)]
        body = self.s.form(*parts)
        mime = "multipart/form-data; boundary=" + self.s.boundary.decode()
        path = "/apiv2/tasks/create/%s/" % ("url" if self.link else "file")
        return head("POST", self.port, path, self.headers, mime, len(body)) + body

    def found(self, target):
        if target.split("/")[-2] in self.known:
            return as_json({"error": [], "data": [{"id": 7, "sample": {"sha256": target.split("/")[-2]}}]})
        return as_json({"data": [], "error": False})

    @staticmethod
    def taken():
        return as_json({"error": [], "errors": [], "data": {"task_ids": [7], "message": "Task ID 7 has been submitted"}})


def asked_first(kind, where):
    """What holds of every cloud that is asked first."""
    for options in ({}, {"session": False}, {"size": 5000000}):
        api = kind(**options)
        run, methods = api.run(where)
        same((run.status, run.results, methods), (0, ["sent"], ["GET", "POST"]), "outcome with %r" % options)
        same([leave[5] for leave in run.leaves], ["0", "7" if api.session else "3"], "what they carry")
        run, methods = api.run(where)
        same((run.results, methods), (["known"], ["GET"]), "a known one")
        api.close()
    for link in ({}, {"session": False}):
        api = kind(link=True, size=80, **link)
        run, methods = api.run(where)
        same((run.results, methods, run.leaves[1][5]), (["sent"], ["GET", "POST"], "1" if link else "5"), "a link")
        api.close()
    for lost, outcome, methods in (([LOST], "sent", ["GET", "GET", "POST"]),
                                   ([None, LOST], "known", ["GET", "POST", "GET"])):
        api = kind(lost)
        run, came = api.run(where)
        same((run.results, came), ([outcome], methods), "a lost answer")
        api.close()


def answers(kind, where, table):
    """(step, its answer, outcome, what is said)...; what is no end is tried again, and taken."""
    for step, said, outcome, words in table:
        api = kind([None] * step + [said])
        run, methods = api.run(where)
        final = outcome in ("known", "refused")
        same((words, run.results), (words, [outcome if final else "sent"]), "outcome")
        same((words, methods.count("POST")), (words, step + (not final)), "uploads")
        run.said("%s: .*%s" % (outcome if outcome != "down" else "warning: cloud test", words))
        api.close()


@case
def cape_requests(where):
    """cape: a question, then file or url with the envelope as custom, each byte as it must be"""
    asked_first(Cape, where)


@case
def cape_answers(where):
    """cape: errors that come with status 200, and those that do not"""
    def error(words, **more):
        return as_json({"error": True, "error_value": words, **more})

    def of_file(words):
        return error("Error adding task to database", errors=[{"secret-name.exe": words}])
    answers(Cape, where, (
        (0, error("Task Search API is Disabled"), "down", "CAPE says .Task Search API is Disabled"),
        (0, answer(200, b"<html>"), "retry", "answer not understood"),
        (0, answer(200, b"[]"), "retry", "expected an object"),
        (0, as_json({"error": []}), "retry", "expected error and data"),
        (0, as_json({"detail": "Invalid token."}, 401), "down", "HTTP 401, credentials not accepted .*Invalid token"),
        (0, as_json({"detail": "Request was throttled."}, 429, "Retry-After: 1"), "down", "HTTP 429, too many requests"),
        (0, answer(404, b"<html>"), "down", "HTTP 404, no such API there"),
        (0, as_json({"error": [], "data": [{"target": "a\0b"}]}), "known", "CAPE has a task for it"),
        (1, error("File Create API is Disabled"), "down", "CAPE says .File Create API is Disabled"),
        (1, of_file("Duplicated file, disable unique option on submit or in conf/web.conf to force submission"), "known",
         "Duplicated file"),
        (1, of_file("Uploaded file exceeds the maximum allowed size in conf/web.conf."), "refused", "exceeds"),
        (1, of_file("You uploaded an empty file."), "refused", "empty file"),
        (1, error("Error adding task to database", errors=[]), "retry", "CAPE says .Error adding task to database"),
        (1, as_json({"error": [], "data": {"task_ids": []}}), "retry", "expected task_ids"),
        (1, answer(500, b"<html>"), "retry", "HTTP 500, error in the cloud"),
        (1, answer(413), "refused", "HTTP 413, sample too large"),
    ))


class Assemblyline(Api):
    kind, base, more = "assemblyline", "/api/v4", {"user": "gateway"}
    headers = ["X-USER: gateway", "X-APIKEY: " + KEY]

    def question(self):
        return head("GET", self.port, "/api/v4/file/info/%s/" % self.s.sha256, self.headers)

    def upload(self):
        if self.link:
            body = b'{"url": "%s"' % self.s.data
            body += (b', "metadata": ' + self.s.envelope if self.session else b"") + b"}"
            mime = "application/json"
        else:
            parts = [(b"bin", FILE_PART, self.s.data)]
            if self.session:
                parts += [(b"json", JSON_PART, b'{"metadata": ' + self.s.envelope + b"}")]
            body = self.s.form(*parts)
            mime = "multipart/form-data; boundary=" + self.s.boundary.decode()
        return head("POST", self.port, "/api/v4/submit/", self.headers, mime, len(body)) + body

    @staticmethod
    def said(response, error="", status=200):
        return as_json({"api_response": response, "api_error_message": error, "api_server_version": "4.5.0",
                        "api_status_code": status}, status)

    def found(self, target):
        sha256 = target.split("/")[-2]
        if sha256 in self.known:
            return self.said({"sha256": sha256, "size": len(self.s.data)})
        return self.said({}, "This file does not exists.", 404)

    def taken(self):
        return self.said({"sid": "4Lv0Nmtbv3QjXpYrDcOQmp", "state": "submitted"})


@case
def assemblyline_requests(where):
    """assemblyline: a question, then the file or the link with the envelope as metadata, each byte as it must be"""
    asked_first(Assemblyline, where)


@case
def assemblyline_answers(where):
    """assemblyline: what its answers mean, 404 of a file and of a wrong url among them"""
    said = Assemblyline.said
    answers(Assemblyline, where, (
        (0, said("", "Api does not exist (/api/v4/file/info)", 404), "down", "HTTP 404, no such API there.*Api does not"),
        (0, answer(404, b"<html>"), "down", "HTTP 404, no such API there"),
        (0, said({}, "You are not allowed to view this file.", 403), "known", "it has the file, which this user may not"),
        (0, said("", "Access Denied", 403), "down", "HTTP 403, not allowed with these credentials .*Access Denied"),
        (0, said("", "Authentication required", 401), "down", "HTTP 401, user and API key not accepted"),
        (0, said("", "You've exceeded your maximum quota of 10", 503), "down", "HTTP 503, a quota is used up.*exceeded"),
        (0, said({"sha256": "00" * 32}), "retry", "expected sha256 of the file"),
        (0, answer(200, b"{}"), "retry", "expected sha256 of the file"),
        (0, answer(200, b"<html>"), "retry", "answer not understood"),
        (1, said({}, "Filename missing", 400), "refused", "HTTP 400, request refused .*Filename missing"),
        (1, said("", "You've exceeded your maximum quota of 10", 503), "down", "HTTP 503, a quota is used up"),
        (1, said({}), "retry", "expected sid of the submission"),
        (1, said("", "trace", 500), "retry", "HTTP 500, error in the cloud .*trace"),
        (1, answer(502, b"<html>"), "retry", "HTTP 502, bad gateway"),
    ))


if __name__ == "__main__":
    sys.exit(replay.main(DRIVER))
