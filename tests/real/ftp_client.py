# SPDX-License-Identifier: MIT
"""What no client does by itself, with ftplib: ftp_client.py HOST WHAT [ARGUMENT...]."""
import ftplib
import io
import socket
import sys


def connect(host):
    ftp = ftplib.FTP(host, "anonymous", "a@b", timeout=20)
    ftp.voidcmd("TYPE I")
    return ftp


def unique(host, path):
    """STOU, without a name."""
    ftp = connect(host)
    ftp.cwd("/in")
    with open(path, "rb") as f:
        ftp.storbinary("STOU", f)
    ftp.quit()


def cut(host, name, size):
    """Breaks off behind so many bytes, without a word."""
    ftp = connect(host)
    data = ftp.transfercmd(f"RETR {name}")
    left = int(size)
    while left:
        left -= len(data.recv(min(left, 4096)))
    # With bytes unread it is a reset
    data.close()
    ftp.close()


def abort(host, name):
    """ABOR, while data comes."""
    ftp = connect(host)
    data = ftp.transfercmd(f"RETR {name}")
    data.recv(4096)
    ftp.putcmd("ABOR")
    data.close()
    ftp.getmultiline()
    ftp.close()


def bounce(host, name, other):
    """The server sends to another host than the one that asks."""
    ftp = connect(host)
    with socket.socket(socket.AF_INET6 if ":" in other else socket.AF_INET) as waiting:
        waiting.bind((other, 0))
        waiting.listen(1)
        port = waiting.getsockname()[1]
        if ":" in other:
            ftp.voidcmd(f"EPRT |2|{other}|{port}|")
        else:
            ftp.voidcmd(f"PORT {other.replace('.', ',')},{port // 256},{port % 256}")
        ftp.sendcmd(f"RETR {name}")
        data, _ = waiting.accept()
        while data.recv(65536):
            pass
        data.close()
    ftp.voidresp()
    ftp.quit()


def pipelined(host, one, two):
    """Commands without waiting for replies, but for where the data is."""
    ftp = connect(host)
    for name in one, two:
        if ftp.af == socket.AF_INET6:
            ftp.sock.sendall(f"TYPE I\r\nEPSV\r\nRETR {name}\r\n".encode())
            ftp.voidresp()
            _, port = ftplib.parse229(ftp.getresp(), ftp.sock.getpeername())
        else:
            ftp.sock.sendall(f"TYPE I\r\nPASV\r\nRETR {name}\r\n".encode())
            ftp.voidresp()
            _, port = ftplib.parse227(ftp.getresp())
        with socket.create_connection((host, port)) as data:
            ftp.getresp()
            while data.recv(65536):
                pass
        ftp.voidresp()
    ftp.quit()


def listing(host):
    ftp = connect(host)
    ftp.retrlines("LIST", lambda line: None)
    ftp.retrlines("NLST", lambda line: None)
    ftp.storbinary("STOR /in/empty", io.BytesIO(b""))
    ftp.quit()


if __name__ == "__main__":
    globals()[sys.argv[2]](sys.argv[1], *sys.argv[3:])
