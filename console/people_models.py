"""What the API says of people, programs and what they did. Times by the wall clock, in UTC."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from console.models import ID_PATTERN, Text
from console.passwords import LENGTH_MAX
from console.users import NAME_PATTERN, Role, Scope, printable

Password = Annotated[str, Field(max_length=LENGTH_MAX)]
Name = Annotated[str, Field(pattern=NAME_PATTERN, examples=["wang.wei"])]
Label = Annotated[Text, AfterValidator(lambda text: printable(text, 64)), Field(min_length=1)]
ProgramScope = Literal["read", "act", "dispatch", "complaints", "metrics", "admin"]


class Me(BaseModel):
    """Who you are and what you may do."""

    name: str
    role: str
    may_act: bool
    scopes: list[Scope] = Field(default_factory=list)
    crew: str | None = None
    must_change: bool = False


class Bearer(BaseModel):
    """What a person's program sends instead of the password."""

    access_token: str
    token_type: Literal["bearer"] = "bearer"  # noqa: S105
    expires_at: datetime


class NewPassword(BaseModel):
    """The current password, and the one to change it to."""

    current: Password
    new: Password


class Session(BaseModel):
    """A session that holds: of a desk, a wall screen or a program. `own`: that you come with."""

    id: int
    kind: Literal["desk", "wall", "program"]
    opened_at: datetime
    seen_at: datetime
    ends_at: datetime
    address: str
    agent: str
    own: bool = False


class Ended(BaseModel):
    """How many sessions have been ended."""

    ended: int


class Person(BaseModel):
    """A user. `must_change`: has not chosen a password yet. `sessions`: that hold."""

    name: str
    role: str
    crew: str | None
    created_at: datetime
    seen_at: datetime | None
    locked_until: datetime | None
    disabled_at: datetime | None
    must_change: bool
    sessions: int


class NewUser(BaseModel):
    """A new user. Without a password one is made up, told once, and has to be changed."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"name": "wang.wei", "role": "operator"}]}
    )

    name: Name
    role: Role
    crew: str | None = Field(default=None, pattern=ID_PATTERN)
    password: Password | None = None


class Added(Me):
    """The new user; `one_time_password` is told now and never again."""

    one_time_password: str | None = None


class ChangedUser(BaseModel):
    """What is to change; what is left out stays."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"role": "dispatcher"}]})

    role: Role | None = None
    crew: str | None = Field(
        default=None, max_length=64, description="a crew's id; empty takes the tie away"
    )
    disabled: bool | None = None
    unlock: bool = False


class OneTime(BaseModel):
    """Told now and never again; it has to be changed at the next login."""

    one_time_password: str


class NewToken(BaseModel):
    """A token for a program."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"name": "12345 hotline", "scopes": ["complaints"]}]}
    )

    name: Label
    scopes: list[ProgramScope] = Field(min_length=1, max_length=6)
    days: int = Field(default=365, ge=1, le=1826)


class Token(BaseModel):
    """A program's token, without what opens the door; `ending` tells one from another."""

    id: int
    name: str
    ending: str
    scopes: list[str]
    made_by: str
    made_at: datetime
    expires_at: datetime
    used_at: datetime | None
    used_from: str | None
    revoked_at: datetime | None
    revoked_by: str | None


class MadeToken(BaseModel):
    """The token, told now and never again."""

    id: int
    name: str
    token: str
    expires_at: datetime


class AuditLine(BaseModel):
    """What somebody did; `detail` depends on `action`."""

    id: int
    at: datetime
    actor: str
    action: str
    detail: dict[str, Any]


class AuditPage(BaseModel):
    items: list[AuditLine]
    next: int | None = Field(description="Give it as `before` for the next page; null on the last")


class AuditWords(BaseModel):
    """What there is to filter by."""

    actions: list[str]
    actors: list[str]
