"""When misses are collected again, according to the template's schedule."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

_DAILY = re.compile(r"cron\(([0-9]{1,2}) ([0-9]{1,2}) \* \* \? \*\)")


@dataclass(frozen=True)
class Schedule:
    """The morning schedule of the template."""

    expression: str
    time_zone: str
    enabled: bool

    @property
    def zone(self) -> ZoneInfo:
        """The time zone of the schedule; UTC if its name is not known here."""
        try:
            return ZoneInfo(self.time_zone)
        except (KeyError, ValueError, OSError):
            return ZoneInfo("UTC")

    def next_redrive(self, after: datetime) -> str | None:
        """As text, such as `Tue 24 Nov at 07:00 UTC`; None if nothing is scheduled."""
        if not self.enabled:
            return None
        daily = _DAILY.fullmatch(self.expression)
        if daily is None or int(daily[1]) > 59 or int(daily[2]) > 23:
            return f"on the schedule {self.expression} ({self.time_zone})"
        local = after.astimezone(self.zone)
        then = local.replace(hour=int(daily[2]), minute=int(daily[1]), second=0, microsecond=0)
        if then <= local:
            then += timedelta(days=1)
        if then.astimezone(UTC).astimezone(then.tzinfo) != then:  # clocks skip it, and so does the scheduler
            then += timedelta(days=1)
        return f"{then:%a} {then.day} {then:%b} at {then:%H:%M %Z}"


NEVER = Schedule("", "UTC", enabled=False)


def day_and_time(at: datetime, zone: ZoneInfo) -> str:
    """`Monday 23 November 2026, 03:15 UTC`."""
    local = at.astimezone(zone)
    return f"{local:%A} {local.day} {local:%B %Y}, {local:%H:%M %Z}"
