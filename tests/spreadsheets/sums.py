"""Reports as CSV, read by pandas and DuckDB: equal sums, to the fen. The program under test is the first argument."""

import json
import re
import subprocess
import sys
import tempfile
from decimal import Decimal
from pathlib import Path

import duckdb
import pandas

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = sys.argv[1]


def onestop(*arguments, codes=(0,)):
    done = subprocess.run([PROGRAM, *map(str, arguments)], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode in codes, (arguments, done.stderr)
    return done.stdout


def play(store):
    """The claims of the demonstration, one of them reversed, on a server that is stopped again."""
    onestop("init", "--store", store)
    serve = [PROGRAM, "serve", "--listen", "127.0.0.1:0", "--store", store]
    server = subprocess.Popen(serve, stdout=subprocess.PIPE, text=True)
    try:
        url = re.search(r"http://\S+?(?=[,\s])", server.stdout.readline() + " ").group()
        onestop("import", "deploy/demo", "--server", url)
        # Two of the claims are refused, as they are to be.
        onestop("settle", "deploy/demo/claims.ndjson", "--server", url, codes=(1,))
        claim = json.loads((ROOT / "deploy/demo/claims.ndjson").read_text().splitlines()[0])
        who = ["--hospital", claim["hospital_id"], "--person", claim["person_id"], "--claim", claim["claim_id"]]
        onestop("reverse", *who, "--request", "V1", "--reason", "a wrong bill", "--readjudicate", "--server", url)
        onestop("drain", "--server", url)
        server.wait(timeout=60)
    finally:
        server.kill()


def checked(store, place, by):
    asked = ["report", "--store", store, "--by", by, "--lang", "en"]
    file = place / "report.csv"
    onestop(*asked, "--format", "csv", "--output", file)
    rows = [json.loads(line) for line in onestop(*asked, "--json").splitlines()]
    amounts = [name for name in rows[0] if name in ("total", "patient", "paid") or name.startswith(("pool_", "payer_"))]
    expected = {name: sum(Decimal(row[name]) for row in rows) for name in amounts}
    expected["settlements"] = Decimal(sum(row["settlements"] for row in rows))
    assert rows and expected[amounts[0]] > 0
    frame = pandas.read_csv(file, dtype={name: str for name in amounts})
    assert sorted(frame.columns) == sorted(rows[0]), "no mark before the first name"
    report = duckdb.read_csv(str(file), dtype={name: "DECIMAL(18,2)" for name in amounts})
    assert report.columns == list(frame.columns)
    for name, total in expected.items():
        assert sum(map(Decimal, frame[name].astype(str))) == total, ("pandas", by, name)
        found = duckdb.sql(f'SELECT sum("{name}") FROM report').fetchall()[0][0]
        assert Decimal(found) == total, ("DuckDB", by, name, found, total)
    print(f"by {by}: {len(rows)} rows, {len(expected)} sums equal in pandas {pandas.__version__} and DuckDB {duckdb.__version__}")


with tempfile.TemporaryDirectory() as directory:
    play(Path(directory) / "store")
    for by in ("hospital", "hospital,payer", "month,region,category,level,visit", "policy,layer", "person"):
        checked(Path(directory) / "store", Path(directory), by)
