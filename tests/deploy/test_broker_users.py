"""Passwords of devices: made once, told once, kept where they are."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from roaddust.brokerusers import KINDS, BadUser, bring_up, mosquitto_hash, users
from roaddust.cli import app
from tests.deploy.conftest import DISTRICT, PREFIX

WANTED = ["platform", "stations/S1", "crews/K1", "drones/D1"]


def lines(file: Path) -> dict[str, str]:
    """Lines of a file of users by whose they are."""
    known = [
        line
        for line in file.read_text().splitlines()
        if "crews/K1" in line or "stations/S1" in line
    ]
    return {"K1" if "crews/K1" in line else "S1": line for line in known}


@pytest.mark.parametrize("kind", KINDS)
def test_who_is_there_keeps_the_password(kind: str, tmp_path: Path) -> None:
    """A second time, only the new device gets a password, and the file is for its owner alone."""
    file = tmp_path / "users"
    first = bring_up(kind, file, WANTED, PREFIX)
    before = lines(file)
    assert set(first.fresh) == set(WANTED)
    assert len(set(first.fresh.values())) == len(WANTED)
    assert file.stat().st_mode & 0o077 == 0
    second = bring_up(kind, file, [*WANTED, "stations/S2"], PREFIX)
    assert set(second.fresh) == {"stations/S2"}
    assert not second.gone
    assert lines(file) | {"S1": before["S1"], "K1": before["K1"]} == lines(file)


@pytest.mark.parametrize("kind", KINDS)
def test_who_has_left_is_taken_out(kind: str, tmp_path: Path) -> None:
    """A station that the district does not have any more has no user either; a drone, which no
    district lists, stays."""
    file = tmp_path / "users"
    bring_up(kind, file, WANTED, PREFIX)
    made = bring_up(kind, file, ["platform", "crews/K1"], PREFIX)
    assert made.gone == ("stations/S1",)
    assert "stations/S1" not in file.read_text()
    assert "drones/D1" in file.read_text()


@pytest.mark.parametrize("kind", KINDS)
def test_a_password_can_be_made_anew(kind: str, tmp_path: Path) -> None:
    """For one that got into wrong hands."""
    file = tmp_path / "users"
    first = bring_up(kind, file, WANTED, PREFIX)
    before = lines(file)
    again = bring_up(kind, file, WANTED, PREFIX, ["stations/S1"])
    assert set(again.fresh) == {"stations/S1"}
    assert again.fresh["stations/S1"] != first.fresh["stations/S1"]
    assert lines(file)["K1"] == before["K1"]
    assert lines(file)["S1"] != before["S1"]


def test_mosquitto_keeps_no_password(tmp_path: Path) -> None:
    """Its file holds salted hashes, two of one password alike in nothing."""
    file = tmp_path / "users"
    made = bring_up("mosquitto", file, WANTED, PREFIX)
    assert not [one for one in made.fresh.values() if one in file.read_text()]
    assert mosquitto_hash("x", b"a" * 12) != mosquitto_hash("x", b"b" * 12)


def test_users_are_those_of_the_district() -> None:
    """Kinds of devices stay apart, and nothing else can be asked for."""
    named = users(DISTRICT, ["drones/D1"])
    assert "stations/ST01" in named
    assert "crews/WATER-A" in named
    assert len(named) == len(set(named))
    for wrong in ("platform", "clock", "stations/ST99", "drones/", "crews/X"):
        with pytest.raises(BadUser, match="drones/ID"):
            users(DISTRICT, [wrong])


def test_the_command_tells_new_passwords_once(tmp_path: Path) -> None:
    """To standard output, as a list that can be given to whoever mounts the devices."""
    file = tmp_path / "users.conf"
    command = ["broker-users", "nats", "--out", str(file), "--also", "drones/D1"]
    first = CliRunner().invoke(app, command)
    assert first.exit_code == 0, first.output
    told = dict(line.split(",") for line in first.stdout.splitlines())
    written = [
        json.loads(line) for line in file.read_text().splitlines() if line.lstrip().startswith("{")
    ]
    assert told == {one["user"]: one["password"] for one in written}
    assert CliRunner().invoke(app, command).stdout == ""
    assert CliRunner().invoke(app, ["broker-users", "other", "--out", str(file)]).exit_code == 2
    assert CliRunner().invoke(app, [*command, "--also", "clock"]).exit_code == 2
