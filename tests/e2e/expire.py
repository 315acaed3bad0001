#!/usr/bin/env python3
"""expire.py INVITATION COMMAND...: runs COMMAND --join with the invitation as it would be if it had
expired long ago: its time is set to 1 and its checksum made right."""
import base64
import hashlib
import subprocess
import sys

WORD = "TRIS-INVITE-1:"
text = sys.argv[1][len(WORD):]
whole = bytearray(base64.b32decode(text + "=" * (-len(text) % 8)))[:-4]
whole[112:120] = (1).to_bytes(8, "big")
whole += hashlib.blake2b(whole, digest_size=32, person=b"tris-invite-v1").digest()[:4]
line = WORD + base64.b32encode(bytes(whole)).decode().rstrip("=")
sys.exit(subprocess.run(sys.argv[2:] + ["--join", line], check=False).returncode)
