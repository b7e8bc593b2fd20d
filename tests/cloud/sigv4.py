# SPDX-License-Identifier: MIT
"""AWS Signature Version 4 of a request to S3, by the documentation of it."""
import hashlib
import hmac


def signature(method, path, headers, secret, day, region):
    """headers: those that are signed, by their names in lower case and in order."""
    def mac(key, text):
        return hmac.new(key, text.encode(), hashlib.sha256).digest()
    scope = "%s/%s/s3/aws4_request" % (day, region)
    canonical = "\n".join([method, path, "", *("%s:%s" % item for item in headers.items()), "", ";".join(headers),
                           headers["x-amz-content-sha256"]])
    text = "\n".join(["AWS4-HMAC-SHA256", headers["x-amz-date"], scope, hashlib.sha256(canonical.encode()).hexdigest()])
    key = ("AWS4" + secret).encode()
    for part in (day, region, "s3", "aws4_request"):
        key = mac(key, part)
    return mac(key, text).hex()


def headers(method, host, path, body, access, secret, region, now):
    """What a request with that body has; now: time.gmtime()."""
    date = "%04d%02d%02dT%02d%02d%02dZ" % now[:6]
    signed = {"host": host, "x-amz-content-sha256": hashlib.sha256(body).hexdigest(), "x-amz-date": date}
    mine = signature(method, path, signed, secret, date[:8], region)
    return {**signed, "Authorization": "AWS4-HMAC-SHA256 Credential=%s/%s/%s/s3/aws4_request, SignedHeaders=%s, Signature=%s"
            % (access, date[:8], region, ";".join(signed), mine)}
