"""GeoReport v2, as https://wiki.open311.org/GeoReport_v2 names its fields."""

from typing import Annotated, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, Field, HttpUrl

from console.models import Text

ServiceCode = Literal["dust", "noise", "other"]


def _one_line(text: str) -> str:
    return " ".join(text.split())


class Service(BaseModel):
    """What can be complained of."""

    service_code: ServiceCode
    service_name: str
    description: str
    metadata: bool = False
    type: Literal["realtime"] = "realtime"
    keywords: str
    group: str


class ServiceDefinition(BaseModel):
    """What else to ask of a service; nothing of ours."""

    service_code: ServiceCode
    attributes: list[str] = Field(default_factory=list)


class NewRequest(BaseModel):
    """A complaint. Who complains is accepted, as the specification wants it, and not kept."""

    service_code: ServiceCode
    lat: float = Field(ge=-90, le=90, allow_inf_nan=False)
    long: float = Field(ge=-180, le=180, allow_inf_nan=False)
    description: Text = Field(default="", max_length=4000)
    address_string: Annotated[Text, AfterValidator(_one_line)] = Field(default="", max_length=200)
    media_url: HttpUrl | None = None
    email: str = Field(default="", max_length=254)
    device_id: str = Field(default="", max_length=200)
    account_id: str = Field(default="", max_length=200)
    first_name: str = Field(default="", max_length=200)
    last_name: str = Field(default="", max_length=200)
    phone: str = Field(default="", max_length=50)


class Accepted(BaseModel):
    """A complaint that was taken."""

    service_request_id: str
    service_notice: str | None
    account_id: str | None = None


class ServiceRequest(BaseModel):
    """A complaint and what became of it."""

    service_request_id: str
    status: Literal["open", "closed"]
    status_notes: str | None
    service_name: str
    service_code: str
    description: str | None
    agency_responsible: str
    service_notice: str | None = None
    requested_datetime: AwareDatetime
    updated_datetime: AwareDatetime
    expected_datetime: AwareDatetime | None
    address: str | None
    address_id: str | None
    zipcode: str | None = None
    lat: float | None
    long: float | None
    media_url: str | None = None


class GeoReportError(BaseModel):
    """One reason of a refusal."""

    code: int
    description: str
