"""Opens the page in `browser/` in a browser without a window, on an origin that the server names, and on one that it
does not name.

    python3 browser.py MINUTEBOOK DATA CHROMIUM

DATA is a copy of the demo ledger. Exit code 0: the page did what it may, and nothing where it may not.
"""

import functools
import http.server
import json
import os
import pathlib
import queue
import subprocess
import sys
import tempfile
import threading

from served import Served

PAGE = pathlib.Path(__file__).parent / "browser"
PATIENCE_S = 120


class Pages(http.server.SimpleHTTPRequestHandler):
    """Gives the page, and takes what it tells."""

    told = queue.Queue()

    def do_POST(self):
        self.told.put(json.loads(self.rfile.read(int(self.headers["content-length"]))))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_):
        pass


def opened(chromium, folder, page):
    """What a page tells."""
    command = [chromium, "--headless", "--disable-gpu", "--no-first-run", "--remote-debugging-port=0"]
    command += ["--user-data-dir=%s" % folder, *(["--no-sandbox"] if os.geteuid() == 0 else []), page]
    with open(os.path.join(folder, "said"), "w+", encoding="utf-8") as said:
        browser = subprocess.Popen(command, stdout=said, stderr=said)
        try:
            return Pages.told.get(timeout=PATIENCE_S)
        except queue.Empty:
            said.seek(0)
            raise AssertionError("the page %s told nothing: %s" % (page, said.read())) from None
        finally:
            browser.terminate()
            browser.wait()


def main(program, data, chromium):
    handler = functools.partial(Pages, directory=PAGE)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as pages, tempfile.TemporaryDirectory() as folder:
        threading.Thread(target=pages.serve_forever, daemon=True).start()
        config = pathlib.Path(folder) / "minutebook.toml"
        config.write_text('web_origins = ["http://127.0.0.1:%d"]\n' % pages.server_port, encoding="utf-8")
        with Served(program, data, "--config", config) as server:
            address = "http://%s:%d/?server=http://" + server.address
            head = server.command("status")["events"]
            # The same page on an origin of another name.
            stranger = opened(chromium, folder, address % ("localhost", pages.server_port))
            assert stranger.keys() == {"refused"} and stranger["refused"]["name"] == "TypeError", stranger
            assert server.command("status")["events"] == head, "a page that may not call has recorded"

            told = opened(chromium, folder, address % ("127.0.0.1", pages.server_port))
            assert told.keys() == {"caught_up", "receipt", "answer", "events", "cursor", "again", "refused"}, told
            receipt = told["receipt"]
            assert told["caught_up"] == head - 1 and receipt == {"first": head, "count": 1, "head": head + 1}, told
            assert told["again"] == {**receipt, "repeated": True}, told["again"]
            assert told["answer"]["position"] >= head and told["answer"]["decision"]["revision"] == head, told["answer"]
            (event,) = told["events"]
            assert (event["position"], event["request_id"]) == (head, "page-1"), event
            decision = told["answer"]["decision"]["decision"]
            assert decision["id"] == "gs-2018-02-page" and event["decision_recorded"]["decision"] == decision, event
            assert told["cursor"] == {"name": "website", "acknowledged": head}, told["cursor"]
            # 6: ALREADY_EXISTS.
            refused = told["refused"]
            assert (refused["code"], refused["reason"]) == (6, "REQUEST_ID_REUSED"), refused
            assert "page-1" in refused["message"] and "verzoek" in refused["message"], refused

            (cursor,) = server.command("cursor", "list")["cursors"]
            assert (cursor["name"], cursor["acknowledged"]) == ("website", head), cursor
        pages.shutdown()
    print("a page over gRPC-web: recorded, asked, heard of it, acknowledged; refused on an origin that is not named")


if __name__ == "__main__":
    main(*sys.argv[1:])
