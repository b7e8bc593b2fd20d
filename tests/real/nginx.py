# SPDX-License-Identifier: MIT
"""nginx: plain files on port 80, coded ones on 81, PUT on 82."""
import os

BROTLI = "/usr/lib/nginx/modules/ngx_http_brotli_filter_module.so"
PORTS = 80, 81, 82

CONFIGURATION = """
{module}
user root;
pid {dir}/nginx.pid;
error_log {dir}/error.log;
events {{ worker_connections 256; }}
http {{
	access_log off;
	client_max_body_size 100m;
	client_body_temp_path {dir}/body;
	proxy_temp_path {dir}/proxy;
	fastcgi_temp_path {dir}/fastcgi;
	uwsgi_temp_path {dir}/uwsgi;
	scgi_temp_path {dir}/scgi;
	keepalive_requests 10000;
	server {{
		listen [::]:80 ipv6only=off;
		root {www};
		rewrite ^/(?:x|gzip|br)/[^/]+/(.*)$ /$1;
		location / {{ }}
	}}
	server {{
		listen [::]:81 ipv6only=off;
		root {www};
		gzip on;
		gzip_types *;
		gzip_min_length 1;
		{brotli}
		rewrite ^/[^/]+/(.*)$ /$1;
	}}
	server {{
		listen [::]:82 ipv6only=off;
		root {dir}/put;
		dav_methods PUT;
		create_full_put_path on;
	}}
}}
"""


def has_brotli():
    return os.path.exists(BROTLI)


def serve(start, directory, www):
    """
    Serves `www`, with one or two folders before each name that do not count; `directory` is
    for its own files, and for what is put.
    """
    os.makedirs(os.path.join(directory, "put"), exist_ok=True)
    path = os.path.join(directory, "nginx.conf")
    with open(path, "w", encoding="utf-8") as f:
        f.write(CONFIGURATION.format(
            dir=directory, www=www, module=f"load_module {BROTLI};" if has_brotli() else "",
            brotli="brotli on; brotli_types *; brotli_min_length 1;" if has_brotli() else ""))
    return start("nginx", "-p", directory, "-e", os.path.join(directory, "error.log"),
                 "-c", path, "-g", "daemon off;")
