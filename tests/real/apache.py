# SPDX-License-Identifier: MIT
"""Apache: HTTP/1.1 and HTTP/2 in the clear on port 8000, a proxy for CONNECT on 3128."""
import os

PORT, PROXY = 8000, 3128
MODULES = "/usr/lib/apache2/modules"

CONFIGURATION = """
ServerRoot {dir}
ServerName localhost
PidFile {dir}/apache.pid
ErrorLog {dir}/apache.log
DefaultRuntimeDir {dir}
{modules}
User www-data
Group www-data
StartServers 1
ThreadsPerChild 32
MaxRequestWorkers 128
KeepAliveTimeout 60
MaxKeepAliveRequests 0
LimitRequestFields 1000
TypesConfig /dev/null
AddEncoding zstd .zst
DAVLockDB {dir}/lock/db

Listen [::]:8000
<VirtualHost *:8000>
	DocumentRoot {www}
	Protocols h2c http/1.1
	RewriteEngine on
	RewriteRule ^/(?:x|gzip|br)/[^/]+/(.*)$ /$1 [PT]
	<Directory {www}>
		Require all granted
	</Directory>
	<Location /gzip>
		SetOutputFilter DEFLATE
	</Location>
	<Location /br>
		SetOutputFilter BROTLI_COMPRESS
	</Location>
	Alias /put {dir}/put
	<Directory {dir}/put>
		Require all granted
		Dav on
	</Directory>
</VirtualHost>

Listen [::]:3128
<VirtualHost *:3128>
	ProxyRequests on
	AllowCONNECT 1-65535
	<Proxy *>
		Require all granted
	</Proxy>
</VirtualHost>
"""

WANTED = ("mpm_event", "authz_core", "mime", "alias", "rewrite", "dav", "dav_fs", "deflate",
          "brotli", "filter", "http2", "proxy", "proxy_connect", "unixd")


def serve(start, directory, www):
    """
    Serves `www` (/x/NAME/... is /..., /gzip/NAME/... and /br/NAME/... coded), and takes PUT
    below /put.
    """
    for name in "put", "lock":
        path = os.path.join(directory, name)
        os.makedirs(path, exist_ok=True)
        os.chmod(path, 0o777)
    # Some are built in.
    modules = "\n".join(f"LoadModule {name}_module {MODULES}/mod_{name}.so" for name in WANTED
                        if os.path.exists(f"{MODULES}/mod_{name}.so"))
    path = os.path.join(directory, "apache.conf")
    with open(path, "w", encoding="utf-8") as f:
        f.write(CONFIGURATION.format(dir=directory, www=www, modules=modules))
    return start("apache2", "-f", path, "-D", "FOREGROUND")
