"""Overrides, explanations and the list of what was not made, on the command line."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from roaddust.cli import app
from store.database import connect

WIDE = {"COLUMNS": "250", "TERMINAL_WIDTH": "250", "TERM": "dumb"}
WHO = ("--by", "wang", "--why", "school exam")


@pytest.fixture
def db(migrated_embedded_db: str) -> str:
    """A fresh database."""
    return migrated_embedded_db


def call(db: str, *arguments: str) -> Result:
    """`roaddust ...` against it."""
    return CliRunner(env=WIDE).invoke(app, [*arguments, "--db", db])


def test_a_decision_is_recorded_listed_and_withdrawn(db: str) -> None:
    """Who, why and until when are kept; withdrawing it twice is refused."""
    made = call(db, "override", "add", "forbid", "--place", "XH03N", *WHO, "--hours", "2")
    assert made.exit_code == 0, made.output
    number = made.stdout.strip()
    listed = [json.loads(line) for line in call(db, "override", "list").stdout.splitlines()]
    assert [(one["kind"], one["place"], one["given_by"], one["why"]) for one in listed] == [
        ("forbid", "XH03N", "wang", "school exam")
    ]
    assert "treatment" not in listed[0]
    assert call(db, "override", "withdraw", number, *WHO).exit_code == 0
    again = call(db, "override", "withdraw", number, *WHO)
    assert again.exit_code == 1
    assert "no override" in again.output


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("forbid", "--place", "NOWHERE"), "NOWHERE"),  # no such segment
        (("hold",), "needs a crew"),  # not whole
        (("assign", "--place", "XH03N", "--treatment", "wash", "--crew", "W9"), "W9"),
        (("pin", "--order", "O-9"), "no open order"),
    ],
)
def test_a_decision_that_cannot_be_kept_is_wrong_use(
    db: str, options: tuple[str, ...], said: str
) -> None:
    """Status 2, and what is wrong in words."""
    refused = call(db, "override", "add", *options, *WHO)
    assert refused.exit_code == 2
    assert said in refused.output


def test_why_answers_for_a_place(db: str) -> None:
    """Before any plan there is nothing to explain, and that is what it says."""
    answer = json.loads(call(db, "why", "XH03N").stdout)
    assert answer["chosen"] is None
    assert answer["place"] == "XH03N"


def test_what_was_not_made_is_listed(db: str, tmp_path: Path) -> None:
    """One line each; another day has none."""
    with connect(db, name="test", autocommit=True) as conn:
        conn.execute(
            "INSERT INTO matters (ref, day, kind, place, level, since, opened_at, seen_at, due,"
            " ends_at, outcome, ended_at) SELECT 'E1', '2026-03-02', 'episode', 'XH03N', 2, t, t,"
            " t, t, t, 'not_made', t FROM (VALUES (timestamptz '2026-03-02 12:00Z')) AS v (t)"
        )
    lines = call(db, "overnight", "--day", "2026-03-02").stdout.splitlines()
    assert [json.loads(line)["ref"] for line in lines] == ["E1"]
    assert call(db, "overnight", "--day", "2026-03-03").stdout == ""
    assert call(db, "overnight", "--day", "yesterday").exit_code == 2
