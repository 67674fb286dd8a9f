"""What can be wrong with a district folder, in words an operator can act on."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with a district folder.

    Attributes
    ----------
    severity
        An error refuses the folder whole, a warning does not.
    file
        The file's name within the folder.
    feature
        The number of the feature in a layer, or of the ``[[crew]]`` in ``crews.toml``,
        counted from 1; None when the problem is the file's as a whole.
    message
        What is wrong.
    remedy
        What to do about it.
    """

    severity: Severity
    file: str
    feature: int | None
    message: str
    remedy: str

    def __str__(self) -> str:
        where = self.file if self.feature is None else f"{self.file}, feature {self.feature}"
        return f"{self.severity}: {where}: {self.message}. {self.remedy}."


class DistrictError(Exception):
    """The district folder is refused; ``problems`` says why, errors and warnings alike."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        errors = [problem for problem in self.problems if problem.severity == "error"]
        lines = "".join(f"\n  {problem}" for problem in errors)
        super().__init__(f"the district folder is refused, errors: {len(errors)}{lines}")
