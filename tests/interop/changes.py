"""python3 changes.py FILE KEY checks a report of `minutebook prove-changes`, and shares no code with it: the signature,
the seals in the log, the documents, the lists of changes; not which revisions held in the year, whose dates are EDTF."""
import base64, hashlib, itertools, json, pathlib, sys
P, L = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493  # Ed25519: RFC 8032
D, I = -121665 * pow(121666, -1, P) % P, pow(2, (P - 1) // 4, P)
def add(a, b):
    (x, y), (u, v), k = a, b, D * a[0] * a[1] * b[0] * b[1] % P
    return (x * v + u * y) * pow(1 + k, -1, P) % P, (y * v + x * u) * pow(1 - k, -1, P) % P
times = lambda n, point: add(times(n // 2, add(point, point)), point if n % 2 else (0, 1)) if n else (0, 1)
def point(number):
    y, sign = number % 2**255, number >> 255
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = next(x for x in [pow(square, (P + 3) // 8, P) * k % P for k in (1, I)] if x * x % P == square)
    return (P - x if x % 2 != sign else x), y
def is_signed(key, text, made):
    number = lambda data: int.from_bytes(data, "little")
    h = number(hashlib.sha512(made[:32] + key + text).digest()) % L
    base, key, r, s = point(4 * pow(5, -1, P) % P), point(number(key)), point(number(made[:32])), number(made[32:])
    return s < L and times(s, base) == add(r, times(h, key))
def root(entry, index, size, path):  # RFC 6962, section 2.1.1
    if size == 1: return hashlib.sha256(b"\0" + entry).digest() if (index, path) == (0, []) else b""
    left = 1 << (size - 1).bit_length() - 1
    inner = root(entry, index % left, left if index < left else size - left, path[:-1])
    return hashlib.sha256(b"\1" + (inner + path[-1] if index < left else path[-1] + inner)).digest()
def fields(data):  # protobuf, as far as these events need it: the last value of each field
    found, data = {}, iter(data)
    varint = lambda byte: byte if byte < 128 else byte - 128 + 128 * varint(next(data))
    for byte in data:
        tag, n = varint(byte), varint(next(data))
        found[tag >> 3] = bytes(itertools.islice(data, n)) if tag & 7 == 2 else n
    return found
def stated(value, leaf=lambda value: value):  # without what says nothing
    if isinstance(value, dict): return {k: stated(v, leaf) for k, v in value.items() if v not in (None, "", [])}
    return [stated(inner, leaf) for inner in value] if isinstance(value, list) else leaf(value)
KINDS, NOTES = ("theme", "subtask", "policy_item", "action"), "source_line source_doc lines quote confidence doubt"
ASIDE = NOTES + " id split_from merged_from subtasks policy_items actions"
def differs(a, b): return stated({"": a}, str) != stated({"": b}, str)
def without(record, names): return {k: v for k, v in record.items() if k not in names.split()}
def items(document, amounts):
    rows = [(0, theme, {}) for theme in document.get("themes", [])]
    for _, theme, _ in [*rows]:
        rows += [(n, row, {"theme": theme["id"]}) for n in (1, 2) for row in theme.get(KINDS[n] + "s", [])]
    for item in [row for kind, row, _ in rows if kind == 2]:
        rows += [(3, action, {"policy_item": item["id"]}) for action in item.get("actions", [])]
    money = lambda row: {"amounts": [amounts.get(a, {"id": a}) for a in row["amounts"]]} if "amounts" in row else {}
    return {(kind, row["id"]): without(row, ASIDE) | parent | money(row) for kind, row, parent in rows}
def difference(earlier, documents):
    docs = earlier or {}, documents[-1]
    money = [{a["id"]: without(a, NOTES + " what action") for a in doc.get("amounts", [])} for doc in docs]
    old, new, claims = items(docs[0], money[1] | money[0]), items(docs[1], money[0] | money[1]), {}
    for edition, doc in ((doc["edition"], doc) for doc in documents):
        bodies = {edition["decision"]: edition["adopted_by"]} | {d["id"]: d["body"] for d in doc.get("decisions", [])}
        for claim in doc.get("changes", []):
            ground = claim.get("decision") or edition["decision"]
            claim["why"] = claim.get("reason"), ground, claim.get("decided_by") or bodies.get(ground)
            named = [(kind, claim[name]) for kind, name in enumerate(KINDS) if name in claim]
            claims |= {at: claim for at in named + [(3, a) for a in claim.get("from", []) + claim.get("into", [])]}
    first = (None, None, None) if earlier else (None, edition["decision"], bodies[edition["decision"]])
    moved = {"split": old.keys() - new.keys(), "merged": new.keys() - old.keys()}
    ends = {"split": ("from", "into"), "merged": ("into", "from")}
    def others(at, claim):  # where a split or merge is told of this action: those that it names beside it
        one, many = ends.get(claim["kind"], ("", ""))
        return sorted(claim[many]) if one and at in moved[claim["kind"]] and at[1] in claim[one] else []
    within, lists = {(3, other) for at, claim in claims.items() for other in others(at, claim)}, {}
    for at in sorted(old.keys() | new.keys()):
        before, after, claim = old.get(at, {}), new.get(at, {}), claims.get(at, {"kind": "", "why": first})
        what, entry = claim["kind"], {"item": KINDS[at[0]], "id": at[1]}
        if before and after:
            pairs = ((field, [before.get(field), after.get(field)]) for field in before | after)
            entry["fields"] = {field: pair for field, pair in pairs if differs(*pair)}
            what = entry["fields"] and "changed"
        elif others(at, claim): entry = dict(zip(("item", *ends[what]), (KINDS[3], at[1], others(at, claim))))
        elif at in within: what = None
        elif after: what = "reinstated" if what == "reinstated" else "added"
        elif what != "suspended": what, entry["disposition"] = "dropped", claim.get("disposition") or "absorbed"
        if what: lists.setdefault(what, []).append(entry | dict(zip(("reason", "decision", "body"), claim["why"])))
    return lists
def once(pairs): return dict(pairs) if len(dict(pairs)) == len(pairs) else sys.exit("a name is there twice")
def main(report, key):
    (log, key_id, key), rows = key.strip().split("+", 2), []
    for revision in report["revisions"]:
        head, text, signatures = revision["proof"].split("\n\n")
        _, entry, index, *path = (line.split(" ")[-1] for line in head.split("\n"))
        (origin, size, expected), entry = text.split("\n"), base64.b64decode(entry)
        made = [line.split(" ")[2] for line in signatures.splitlines() if line.split(" ")[1] == origin == log]
        made = [signature[4:] for signature in map(base64.b64decode, made) if signature[:4].hex() == key_id]
        assert made and all(is_signed(base64.b64decode(key)[1:], text.encode() + b"\n", m) for m in made), "unsigned"
        assert root(entry, int(index), int(size), [*map(base64.b64decode, path)]) == base64.b64decode(expected)
        seal = fields(fields(entry)[128])
        assert (seal[1].decode(), seal.get(6)) == (report["agenda"], rows[-1][0] if rows else None), "a gap"
        canonical = json.dumps(stated(revision["document"]), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        assert not revision["document"] or hashlib.sha256(canonical.encode()).digest() == seal[7], "another document"
        name = fields(seal[2])[1].decode() + ("@%d" % seal[3] if seal[3] > 1 else "")
        rows.append((int(index), name, revision["document"]))
    _, names, documents = zip(*rows)
    start, end = names.index(report["from"]) if report["from"] else -1, names.index(report["to"])
    changes = difference(documents[start] if start >= 0 else None, documents[min(start + 1, end):end + 1])
    assert {k: v for k, v in report["changes"].items() if v and k != "control_total"} == changes, "the changes differ"
    print("proved:", {name: len(entries) for name, entries in changes.items()})
main(json.loads(pathlib.Path(sys.argv[1]).read_text(), object_pairs_hook=once), sys.argv[2])
