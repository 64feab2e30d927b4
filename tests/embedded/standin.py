"""The application with stand-ins for its programs: python -m tests.embedded.standin."""

import sys

from zqyy.embedded.application import run
from zqyy.embedded.programs import Program

WEB = """
import os, sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(os.environ["ZQYY_PROCESS"].encode())

ThreadingHTTPServer((sys.argv[1], int(sys.argv[2])), Handler).serve_forever()
"""
LOAD_DEMO = """
import os, sys, time
time.sleep(float(os.environ.get("DEMO_SECONDS", "0")))
if "DEMO_ERROR" in os.environ:
    sys.exit(os.environ["DEMO_ERROR"])
with open(os.path.join(os.environ["ZQYY_DATA_DIR"], "demo-loads"), "a") as file:
    file.write("x")
"""


def python(name: str, code: str, *arguments: str, role: str = "command") -> Program:
    return Program(name, (sys.executable, "-c", code, *arguments), role)


sys.exit(
    run(
        migrate=python("migrate", ""),
        load_demo=python("load_demo", LOAD_DEMO),
        programs=(
            python("web", WEB, "{host}", "{port}", role="web"),
            python("worker", "import time; time.sleep(600)", role="worker"),
        ),
    )
)
