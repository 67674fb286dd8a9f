"""Settings: defaults, under the district's own, under a TOML file, under the environment, under
the command line.

Every setting is a key of the TOML file (`[analytics] hold_min = 5`) and an environment variable
(`ROADDUST_ANALYTICS__HOLD_MIN=5`).
"""

import tomllib
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from analytics.settings import AnalyticsSettings
from dispatch.settings import DispatchSettings
from ingest.settings import IngestSettings

Stage = Literal["ingest", "analytics", "dispatch", "console"]
STAGES: tuple[Stage, ...] = ("ingest", "analytics", "dispatch", "console")


class SettingsError(ValueError):
    """Settings that cannot be used; the message names each and what is wrong with it."""


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
    keep_days: int = 400
    "Measurements older than this are deleted; episodes, orders and verdicts stay."
    language: Literal["zh-CN", "en"] = "zh-CN"
    "Of sentences that are stored and sent: reasons, evidence."
    ingest: IngestSettings = IngestSettings()
    analytics: AnalyticsSettings = AnalyticsSettings()
    dispatch: DispatchSettings = DispatchSettings()


def settings(
    *,
    given: dict[str, Any] | None = None,
    config: Path | None = None,
    district: dict[str, Any] | None = None,
) -> Settings:
    """Settings from all sources, the first that says something winning: `given` (the command
    line), the environment, the TOML file `config`, the `district`'s overrides, the defaults.

    Raises SettingsError, or OSError when `config` cannot be read.
    """
    read = tomllib.loads(config.read_text(encoding="utf-8")) if config else {}

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
                env_settings,
                InitSettingsSource(settings_cls, read),
                InitSettingsSource(settings_cls, district or {}),
            )

    try:
        layered = Layered(**(given or {}))
    except ValidationError as error:
        lines = [
            f"  {'.'.join(str(part) for part in item['loc'])}: {item['msg']}"
            for item in error.errors(include_url=False)
        ]
        raise SettingsError("settings that cannot be used:\n" + "\n".join(lines)) from error
    return _in_one_language(layered)


def _in_one_language(layered: Settings) -> Settings:
    """The stages write their sentences in the district's language."""
    from dataclasses import replace

    return layered.model_copy(
        update={
            "analytics": replace(layered.analytics, language=layered.language),
            "dispatch": replace(layered.dispatch, language=layered.language),
        }
    )
