# SPDX-License-Identifier: MIT
"""A client of SMB that does what others leave to chance: order, and several open files.

	smb_client.py HOST SHARE USER PASSWORD DIALECT FOLDER

Writes scattered-1 and scattered-2 of FOLDER at the same time, in pieces in any order, and reads
them back likewise.  half is written but for its last piece.
"""
import os
import random
import sys

from impacket.smb import SMB_DIALECT
from impacket.smb3structs import (FILE_OPEN, FILE_OVERWRITE_IF, FILE_READ_DATA, FILE_SHARE_READ,
                                  FILE_WRITE_DATA, SMB2_DIALECT_002, SMB2_DIALECT_21,
                                  SMB2_DIALECT_30)
from impacket.smbconnection import SMBConnection

DIALECTS = {"NT1": SMB_DIALECT, "2.0": SMB2_DIALECT_002, "2.1": SMB2_DIALECT_21,
            "3.0": SMB2_DIALECT_30}
PIECE = 7000


def main():
    host, share, user, password, dialect, folder = sys.argv[1:]
    order = random.Random(93)
    smb = SMBConnection(host, host, preferredDialect=DIALECTS[dialect])
    smb.login(user, password)
    tree = smb.connectTree(share)
    names = "scattered-1", "scattered-2"
    content = {}
    for name in (*names, "half"):
        with open(os.path.join(folder, name), "rb") as f:
            content[name] = f.read()

    def open_all(access, disposition):
        return {name: smb.openFile(tree, name, desiredAccess=access, shareMode=FILE_SHARE_READ,
                                   creationDisposition=disposition) for name in names}

    def scattered():
        pieces = [(name, at) for name in names for at in range(0, len(content[name]), PIECE)]
        order.shuffle(pieces)
        return pieces

    files = open_all(FILE_WRITE_DATA, FILE_OVERWRITE_IF)
    for name, at in scattered():
        smb.writeFile(tree, files[name], content[name][at:at + PIECE], at)
    for name in names:
        smb.closeFile(tree, files[name])

    files = open_all(FILE_READ_DATA, FILE_OPEN)
    for name, at in scattered():
        data = smb.readFile(tree, files[name], at, min(PIECE, len(content[name]) - at))
        assert data == content[name][at:at + PIECE], f"{name} at {at}"
    for name in names:
        smb.closeFile(tree, files[name])

    half = smb.openFile(tree, "half", desiredAccess=FILE_WRITE_DATA | FILE_READ_DATA,
                        shareMode=FILE_SHARE_READ, creationDisposition=FILE_OVERWRITE_IF)
    smb.writeFile(tree, half, content["half"][PIECE:], PIECE)
    smb.closeFile(tree, half)
    smb.logoff()


if __name__ == "__main__":
    main()
