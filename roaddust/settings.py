"""Settings: defaults, under the district's own, under a TOML file, under the environment, under
the command line.

Every setting is a key of the TOML file (`[analytics] hold_min = 5`) and an environment variable
(`ROADDUST_ANALYTICS__HOLD_MIN=5`). In a file or a district the contract's names stand for the
settings that they mean: `hold`, `release` (minutes) and `lateness` (hours).
"""

import os
import tomllib
from collections.abc import Iterable
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any, Literal

import psycopg
from psycopg.conninfo import conninfo_to_dict
from pydantic import Field, ValidationError, field_validator, model_validator
from pydantic_core import ErrorDetails
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)
from pydantic_settings import SettingsError as PydanticSettingsError

from analytics.settings import AnalyticsSettings, Rule
from broker.connection import Address
from console.settings import ConsoleSettings
from dispatch.settings import DispatchSettings
from ingest.gateway.settings import GatewaySettings
from ingest.gateway.vendorsettings import VendorSettings
from ingest.settings import IngestSettings
from roaddust.notices import NoticeSettings
from roaddust.reportsettings import ReportSettings

Stage = Literal["ingest", "analytics", "dispatch", "console"]
CONTRACT_NAMES = {
    "hold": ("analytics", "hold_min"),
    "release": ("analytics", "release_min"),
    "lateness": ("lateness_h",),
}
TRIED = frozenset({"analytics", "hold", "release"})
"""Keys of a district that a backtest may try otherwise."""
OF_THE_TESTS = frozenset({"ROADDUST_CACHE", "ROADDUST_TESTS_COMPLETE"})
STAGES: tuple[Stage, ...] = ("ingest", "analytics", "dispatch", "console")


class SettingsError(ValueError):
    """Settings that cannot be used; the message names each and what is wrong with it.

    names: of the settings at the top level.
    """

    def __init__(self, problems: Iterable[str], names: Iterable[str] = ()) -> None:
        self.problems = tuple(problems)
        super().__init__("\n  ".join(["settings that cannot be used:", *self.problems]))
        self.names = frozenset(names)


class Settings(BaseSettings):
    """Everything that an operator may set. See `settings()` for where it comes from."""

    model_config = SettingsConfigDict(
        env_prefix="ROADDUST_", env_nested_delimiter="__", extra="forbid", frozen=True
    )

    mqtt: str = "mqtt://127.0.0.1:1883"
    db: str = "postgresql://127.0.0.1/roaddust"
    prefix: str = "roaddust/v1/"
    clock: Literal["wall", "mqtt"] = "wall"
    data: Path = Path("roaddust-data")
    "Folder for what must survive a restart and is not in the database: the console's key."
    host: str = "127.0.0.1"
    port: int = 8080
    lateness_h: float = Field(default=48.0, ge=0.0, allow_inf_nan=False)
    "Readings as late as this still change results. Ingest and analytics both have it from here."
    keep_days: int = 400
    "Measurements older than this are deleted; episodes, orders and verdicts stay."
    language: Literal["zh-CN", "en"] = "zh-CN"
    "Of sentences that are stored and sent: reasons, evidence."
    ingest: IngestSettings = IngestSettings()
    gateway: GatewaySettings = GatewaySettings()
    vendors: VendorSettings = VendorSettings()
    analytics: AnalyticsSettings = AnalyticsSettings()
    dispatch: DispatchSettings = DispatchSettings()
    notices: NoticeSettings = NoticeSettings()
    reports: ReportSettings = ReportSettings()
    console: ConsoleSettings = ConsoleSettings()

    @field_validator("mqtt")
    @classmethod
    def _is_a_broker(cls, mqtt: str) -> str:
        Address.parse(mqtt)
        return mqtt

    @field_validator("db")
    @classmethod
    def _is_a_database(cls, db: str) -> str:
        try:
            conninfo_to_dict(db)
        except psycopg.ProgrammingError:
            # Neither its text nor the library's, which repeats it: a password may be in there.
            raise ValueError(
                "no address of a database: write postgresql://user:password@host:port/name"
            ) from None
        return db

    @model_validator(mode="before")
    @classmethod
    def _has_one_lateness(cls, data: Any) -> Any:
        for stage in ("ingest", "analytics"):
            part = data.get(stage) if isinstance(data, dict) else None
            if isinstance(part, dict) and "lateness_h" in part:
                raise ValueError(f"{stage}.lateness_h: give lateness_h at the top, for all stages")
        return data


def settings(
    *,
    given: dict[str, Any] | None = None,
    config: Path | None = None,
    district: dict[str, Any] | None = None,
    rules: Path | None = None,
) -> Settings:
    """Settings from all sources, the first that says something winning: the TOML file `rules`,
    `given` (the command line), the environment, the TOML file `config`, the `district`'s
    overrides, the defaults.

    rules: a file of trial rules, with the keys of `district.toml` that analytics reads. A rule
    there may say only what is to differ from the rule of that name.

    Raises SettingsError, or OSError when a file cannot be read.
    """
    _refuse_unknown_environment()
    read = _plain(_file(config), str(config)) if config else {}
    plain = _plain(district or {}, "district.toml")
    layered = _layered(given or {}, read, plain, environment=True)
    if rules is None:
        return layered
    tried = _tried(rules, layered.analytics)
    try:
        return _layered((given or {}) | tried, read, plain, environment=True)
    except SettingsError as error:
        raise SettingsError(f"{rules}: {problem}" for problem in error.problems) from None


def _tried(file: Path, standing: AnalyticsSettings) -> dict[str, Any]:
    """What a file of trial rules says, each rule complete."""
    read = _file(file)
    strange = sorted(read.keys() - TRIED)
    if strange:
        raise SettingsError(
            f"{file}: {key} changes nothing that analytics works out; "
            f"give {', '.join(sorted(TRIED))}"
            for key in strange
        )
    tried = _plain(read, str(file))
    given = tried.get("analytics", {})
    rules = given.get("rules", {}) if isinstance(given, dict) else {}
    if not isinstance(rules, dict):
        return tried  # which is refused for this
    whole: dict[str, Any] = {}
    for name, rule in rules.items():
        known = asdict(standing.rules[name]) if name in standing.rules else {}
        missing = {field.name for field in fields(Rule)} - rule.keys() if not known else set()
        if missing:
            there, wanting = ", ".join(standing.rules), ", ".join(sorted(missing))
            words = f"{file}: there is no rule {name}; there are {there}. A new one needs {wanting}"
            raise SettingsError([words])
        whole[name] = known | rule
    return tried | {"analytics": given | {"rules": whole}}


def check_district(overrides: dict[str, Any]) -> None:
    """Raises SettingsError where a district's overrides alone cannot be used."""
    _layered({}, {}, _plain(overrides, "district.toml"), environment=False)


def _layered(
    given: dict[str, Any], read: dict[str, Any], district: dict[str, Any], *, environment: bool
) -> Settings:
    class Layered(Settings):
        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],
            init_settings: PydanticBaseSettingsSource,
            env_settings: PydanticBaseSettingsSource,
            dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
            file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            return (
                init_settings,
                *([env_settings] if environment else []),
                InitSettingsSource(settings_cls, read),
                InitSettingsSource(settings_cls, district),
            )

    try:
        layered = Layered(**given)
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)
        raise SettingsError(
            [_words(item) for item in found],
            [str(item["loc"][0]) for item in found if item["loc"]],
        ) from None
    except PydanticSettingsError as error:
        raise SettingsError([str(error)]) from error
    return _shared(layered)


def _words(problem: ErrorDetails) -> str:
    where = ".".join(map(str, problem["loc"]))
    words = problem["msg"].removeprefix("Value error, ")
    return f"{where}: {words}" if where else words


def _shared(layered: Settings) -> Settings:
    """The stages write their sentences in the district's language, and agree on what is late.

    A plain `Settings`, which another process can be given.
    """
    language, lateness_h = layered.language, layered.lateness_h
    values = {name: getattr(layered, name) for name in Settings.model_fields}
    return Settings.model_construct(
        **values
        | {
            "ingest": replace(layered.ingest, lateness_h=lateness_h),
            "analytics": replace(layered.analytics, language=language, lateness_h=lateness_h),
            "dispatch": replace(layered.dispatch, language=language),
        }
    )


def _file(config: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(config.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError([f"{config} is not valid TOML: {error}"]) from error


def _plain(source: dict[str, Any], where: str) -> dict[str, Any]:
    """With the contract's names replaced by those of the settings."""
    plain = {key: value for key, value in source.items() if key not in CONTRACT_NAMES}
    for name in CONTRACT_NAMES.keys() & source.keys():
        *above, last = CONTRACT_NAMES[name]
        part = plain
        for key in above:
            inner = part.get(key, {})
            if not isinstance(inner, dict):
                return plain  # which is refused for this
            part[key] = part = dict(inner)
        if last in part:
            meant = ".".join(CONTRACT_NAMES[name])
            raise SettingsError([f"{where} gives both {name} and {meant}, which are the same"])
        part[last] = source[name]
    return plain


def _refuse_unknown_environment() -> None:
    """A misspelt variable would otherwise be passed over in silence."""
    prefix = "ROADDUST_"
    unknown = sorted(
        name
        for name in os.environ
        if name.upper().startswith(prefix)
        and name.upper() not in OF_THE_TESTS
        and name[len(prefix) :].lower().partition("__")[0] not in Settings.model_fields
    )
    if unknown:
        raise SettingsError(
            f"{name}: an environment variable that is no setting; correct or unset it"
            for name in unknown
        )
