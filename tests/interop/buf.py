"""Calls a server with `buf curl`, which learns by reflection what there is, and once more from the files of `proto/`.

    python3 buf.py MINUTEBOOK DATA BUF

records a decision, asks for it, begins to follow the ledger and reads a refusal. DATA is a copy of the demo ledger.
Exit code 0: everything came as the integrator's guide says.
"""

import base64
import json
import os
import signal
import subprocess
import sys

from served import Served


def values(pipe):
    """The JSON values that a program writes, as they come."""
    decoder, waiting = json.JSONDecoder(), ""
    for line in pipe:
        waiting += line
        try:
            value, end = decoder.raw_decode(waiting.lstrip())
        except ValueError:
            continue
        waiting = waiting.lstrip()[end:]
        yield value


class Caller:
    def __init__(self, buf, address, *schema):
        self.command = [buf, "curl", "--protocol", "grpc", "--http2-prior-knowledge", *schema]
        self.address = address

    def start(self, rpc, request):
        command = [*self.command, "--data", json.dumps(request), "http://%s/minutebook.v1.%s" % (self.address, rpc)]
        # A group of its own: what npm calls buf starts another program, which would stay when only the first is ended.
        return subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
        )

    def call(self, rpc, request):
        process = self.start(rpc, request)
        said, complaint = process.communicate(timeout=60)
        assert process.returncode == 0, complaint
        return json.loads(said)

    def refused(self, rpc, request):
        """The refusal; buf gives the details as bytes, by the names of their types."""
        process = self.start(rpc, request)
        said, complaint = process.communicate(timeout=60)
        assert process.returncode != 0, said
        refusal = json.loads(complaint)
        details = {detail["type"]: base64.b64decode(detail["value"] + "==") for detail in refusal["details"]}
        return refusal["code"], refusal["message"], details

    def begin(self, rpc, request, end):
        """What a stream tells until this comes."""
        process = self.start(rpc, request)
        try:
            for value in values(process.stdout):
                yield value
                if end in value:
                    return
            raise AssertionError("the stream ended: %s" % process.stderr.read())
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate(timeout=60)


def decision(request_id, id):
    return {
        "write": {"request_id": request_id, "actor": {"capacity": "case system"}},
        "agenda": "krimp-en-leefbaarheid",
        "decision": {"id": id, "body": "gs", "kind": "adopt-agenda", "date": {"edtf": "2018-02-06"}},
    }


def round_of(caller, name):
    receipt = caller.call("DecisionService/RecordDecision", decision(name, "gs-2018-02-" + name))["receipt"]
    position = receipt["first"]
    asked = {"decision": "gs-2018-02-" + name, "min_position": position}
    answer = caller.call("DecisionService/GetDecision", asked)
    assert answer["decision"]["revision"] == position, answer

    told = list(caller.begin("LedgerService/Subscribe", {"after": int(position) - 1}, "caughtUp"))
    (delivered,) = told[0]["events"]["events"]
    assert delivered["event"]["position"] == position and "decisionRecorded" in delivered["event"], told
    assert told[-1] == {"caughtUp": {"position": position}}, told

    code, message, details = caller.refused("DecisionService/RecordDecision", decision(name, "gs-2018-02-other"))
    assert code == "already_exists" and name in message, (code, message)
    assert b"REQUEST_ID_REUSED" in details["google.rpc.ErrorInfo"], details
    assert message.encode() in details["google.rpc.LocalizedMessage"], details


def main(program, data, buf):
    with Served(program, data) as server:
        round_of(Caller(buf, server.address), "reflected")
        round_of(Caller(buf, server.address, "--schema", "proto"), "described")
    print("buf curl, by reflection and by schema: recorded, asked, heard of it, refused")


if __name__ == "__main__":
    main(*sys.argv[1:])
