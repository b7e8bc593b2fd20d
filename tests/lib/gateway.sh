# SPDX-License-Identifier: MIT
# A gateway between a client and a server, with a cloud beside it. Sourced by a script that runs in
# the virtual machine, at the top of the tree; the demo and the tests of the whole product use it.
#
#	                      fd01::2, 10.1.0.2        routed
#	  client ── eth0 ──── 10.9.0.2, fd09::2        behind NAT: leaves as 10.2.0.1, fd02::1
#	              │
#	            lan     10.1.0.1, 10.9.0.1, fd01::1, fd09::1
#	  gateway     │         port 8080 here goes to port 80 of the server
#	            wan     10.2.0.1, fd02::1        dmz     10.3.0.1, fd03::1
#	              │                               │
#	  server ── eth0    10.2.0.2, fd02::2         └── eth0  10.3.0.2, fd03::2 ── cloud
#
# Each of the four is a network namespace.
#
#	net_up; net_down			make them, take them away
#	ns client|gateway|server|cloud COMMAND...
#	wait_port NAMESPACE ADDRESS PORT	until something listens there (20 s)
#	wait_until SECONDS COMMAND...		until it succeeds
#	module_load [PARAMETER...]
#	start_nginx; stop_nginx			server, see below
#	start_cloud [OPTION...]; stop_cloud	test cloud: https://10.3.0.2/publicapi, $CLOUD/tls/ca.pem
#
# The server gives what is in $WWW: as it is below /, compressed below /gzip/ and /br/, as an attachment
# called by ?name= below /attach/, without a length below /chunked/. PUT below /put/ keeps the body in
# $WWW/put/, POST to /post takes it and answers "taken".

RIG=${RIG:-/run/sluice-rig}
WWW=$RIG/www
CLOUD=$RIG/cloud
# shellcheck disable=SC2034 # for who sources this
CLOUD_KEY=0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef

if [ "${SLUICE_VM-}" != 1 ]; then
	echo 'Bail out! this loads modules and changes networks: run it by scripts/vm'
	exit 1
fi
mkdir -p "$WWW/put" "$CLOUD" "$RIG/nginx"

ns()
{
	ip netns exec "$@"
}

wait_until()
{
	wait_end=$(($(date +%s) + $1))
	shift
	until "$@" >/dev/null 2>&1; do
		[ "$(date +%s)" -lt $wait_end ] || return 1
		sleep 0.1
	done
}

wait_port()
{
	wait_until 20 ns "$1" bash -c "exec 3<>/dev/tcp/$2/$3"
}

net_up()
{
	for net_name in client gateway server cloud; do
		ip netns add $net_name || return 1
	done
	ip -batch - <<-END &&
		link add eth0 netns client type veth peer name lan netns gateway
		link add eth0 netns server type veth peer name wan netns gateway
		link add eth0 netns cloud type veth peer name dmz netns gateway
	END
	ip -n gateway -batch - <<-END &&
		link set lo up
		link set lan up
		link set wan up
		link set dmz up
		addr add 10.1.0.1/24 dev lan
		addr add 10.9.0.1/24 dev lan
		addr add fd01::1/64 dev lan nodad
		addr add fd09::1/64 dev lan nodad
		addr add 10.2.0.1/24 dev wan
		addr add fd02::1/64 dev wan nodad
		addr add 10.3.0.1/24 dev dmz
		addr add fd03::1/64 dev dmz nodad
	END
	ip -n client -batch - <<-END &&
		link set lo up
		link set eth0 up
		addr add 10.1.0.2/24 dev eth0
		addr add 10.9.0.2/24 dev eth0
		addr add fd01::2/64 dev eth0 nodad
		addr add fd09::2/64 dev eth0 nodad
		route add 10.2.0.0/24 via 10.1.0.1 src 10.1.0.2
		route add fd02::/64 via fd01::1 src fd01::2
	END
	# Who lives behind NAT cannot be reached but by it: the server has no route there.
	ip -n server -batch - <<-END &&
		link set lo up
		link set eth0 up
		addr add 10.2.0.2/24 dev eth0
		addr add fd02::2/64 dev eth0 nodad
		route add 10.1.0.0/24 via 10.2.0.1
		route add fd01::/64 via fd02::1
	END
	ip -n cloud -batch - <<-END &&
		link set lo up
		link set eth0 up
		addr add 10.3.0.2/24 dev eth0
		addr add fd03::2/64 dev eth0 nodad
	END
	ns gateway sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 &&
	ns gateway nft -f - <<-END
		table ip nat {
			chain prerouting {
				type nat hook prerouting priority dstnat;
				iifname "lan" tcp dport 8080 dnat to 10.2.0.2:80
			}
			chain postrouting {
				type nat hook postrouting priority srcnat;
				oifname "wan" ip saddr 10.9.0.0/24 masquerade
			}
		}
		table ip6 nat {
			chain prerouting {
				type nat hook prerouting priority dstnat;
				iifname "lan" tcp dport 8080 dnat to [fd02::2]:80
			}
			chain postrouting {
				type nat hook postrouting priority srcnat;
				oifname "wan" ip6 saddr fd09::/64 masquerade
			}
		}
	END
}

net_down()
{
	for net_name in client gateway server cloud; do
		ip netns del $net_name
	done
}

module_load()
{
	modprobe nf_conntrack && insmod "build/$(uname -r)/sluice.ko" "$@"
}

start_nginx()
{
	nginx_brotli=/usr/lib/nginx/modules/ngx_http_brotli_filter_module.so
	nginx_br='brotli on; brotli_types *; brotli_min_length 1;'
	if [ ! -e $nginx_brotli ]; then
		nginx_brotli=
		nginx_br='return 404;'
	fi
	cat > "$RIG/nginx/conf" <<-END
	${nginx_brotli:+load_module $nginx_brotli;}
	user root;
	worker_processes 1;
	pid $RIG/nginx/pid;
	error_log $RIG/nginx/error;
	events { worker_connections 512; }
	http {
		include /etc/nginx/mime.types;
		default_type application/octet-stream;
		access_log $RIG/nginx/access;
		client_body_temp_path $RIG/nginx/body;
		proxy_temp_path $RIG/nginx/proxy;
		fastcgi_temp_path $RIG/nginx/fastcgi;
		uwsgi_temp_path $RIG/nginx/uwsgi;
		scgi_temp_path $RIG/nginx/scgi;
		client_max_body_size 0;
		keepalive_requests 10000;
		server {
			listen 80;
			listen [::]:80;
			root $WWW;
			location /gzip/ {
				alias $WWW/;
				gzip on; gzip_types *; gzip_min_length 1;
			}
			location /br/ { alias $WWW/; $nginx_br }
			location /attach/ {
				alias $WWW/;
				add_header Content-Disposition "attachment; filename=\"\$arg_name\"";
			}
			location /chunked/ { proxy_http_version 1.1; proxy_pass http://127.0.0.1:81/; }
			location /put/ { dav_methods PUT; create_full_put_path on; }
			location /post { proxy_pass http://127.0.0.1:82/; }
		}
		# A response whose length is not known in advance: through the substitution filter.
		server {
			listen 127.0.0.1:81;
			root $WWW;
			sub_filter_types *;
			sub_filter no-such-text-anywhere-9f2c '';
		}
		server {
			listen 127.0.0.1:82;
			return 200 "taken\n";
		}
	}
	END
	ns server nginx -c "$RIG/nginx/conf" && wait_port server 10.2.0.2 80
}

stop_nginx()
{
	kill "$(cat "$RIG/nginx/pid")"
}

start_cloud()
{
	ns cloud build/testcloud --listen 10.3.0.2 --listen fd03::2 --port 443 --tls-dir "$CLOUD/tls" \
		--log "$CLOUD/log" --key "$CLOUD_KEY" --control "$CLOUD/control" "$@" \
		> "$CLOUD/output" 2>&1 &
	cloud_pid=$!
	wait_until 30 grep -q '^ready' "$CLOUD/output"
}

stop_cloud()
{
	kill "$cloud_pid" && wait "$cloud_pid"
}
