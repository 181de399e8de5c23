"""A partner's endpoint as a program: it keeps the ids it acted on, and can die between its commit and its answer.

Run as `python webhook_receiver.py DATABASE SECRET`; prints its port. After `GET /die` the process ends right after its
next commit. Signatures are checked by the specification's own library.
"""

import json
import os
import sqlite3
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer

from standardwebhooks.webhooks import Webhook

_DATABASE, _SECRET = sys.argv[1], sys.argv[2]


class Receiver(BaseHTTPRequestHandler):
    dying = False

    def do_GET(self) -> None:
        Receiver.dying = self.path == "/die"
        self._answer(204)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        Webhook(_SECRET).verify(body, {name.lower(): value for name, value in self.headers.items()})
        with sqlite3.connect(_DATABASE) as store:
            known = store.execute("select 1 from seen where id = ?", (self.headers["webhook-id"],)).fetchone()
            store.execute("insert into delivery values (?)", (self.headers["webhook-id"],))
            if known is None:
                store.execute("insert into seen values (?)", (self.headers["webhook-id"],))
                for movement in json.loads(body)["data"]["movements"]:
                    store.execute("insert into effect values (?, ?)", (movement["move_id"], movement["quantity"]))
        if Receiver.dying:
            os._exit(9)  # committed, and nobody is told
        self._answer(200)

    def _answer(self, status: int) -> None:
        self.send_response(status)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


if __name__ == "__main__":
    with sqlite3.connect(_DATABASE) as made:
        for table in ("seen (id)", "delivery (id)", "effect (move_id, quantity)"):
            made.execute(f"create table if not exists {table}")
    server = HTTPServer(("127.0.0.1", int(sys.argv[3]) if len(sys.argv) > 3 else 0), Receiver)
    sys.stdout.write(f"{server.server_port}\n")
    sys.stdout.flush()
    server.serve_forever()
