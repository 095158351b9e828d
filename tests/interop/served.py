"""A server of the real program, which can be ended and started again on the same data and the same port."""

import json
import signal
import subprocess


class Served:
    def __init__(self, program, data, *arguments):
        self.program, self.data, self.arguments = program, data, arguments
        self.address = "127.0.0.1:0"
        self.start()

    def start(self):
        command = [self.program, "--data", self.data, "serve", "--listen", self.address, *self.arguments]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        said = self.process.stdout.readline().strip()
        assert said.startswith("minutebook serves http://"), said
        # The same one from now on: who follows looks for it there.
        self.address = said.removeprefix("minutebook serves http://")

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(timeout=30) == 0, "the server did not end in order"

    def command(self, *arguments):
        """What a command says, with the ledger itself: only while the server is stopped, or through it."""
        command = [self.program, "--data", self.data, *arguments, "--format", "json"]
        return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
