"""Times and days as callers send them: ISO 8601 text. A number would be taken for seconds, or milliseconds, since 1970,
and nobody could tell a slip from a time.
"""

import re
from datetime import date, datetime
from typing import Annotated, Any

from pydantic import AwareDatetime, BeforeValidator
from pydantic_core import PydanticCustomError

_TIME = re.compile(r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}$")


def _time(value: Any) -> Any:
    if isinstance(value, datetime) or (isinstance(value, str) and _TIME.match(value)):
        return value
    raise PydanticCustomError("iso_time", "Input should be a time in ISO 8601 with its offset")


def _day(value: Any) -> Any:
    if isinstance(value, date) or (isinstance(value, str) and _DAY.match(value)):
        return value
    raise PydanticCustomError("iso_day", "Input should be a day in ISO 8601")


Moment = Annotated[AwareDatetime, BeforeValidator(_time)]
Day = Annotated[date, BeforeValidator(_day)]
