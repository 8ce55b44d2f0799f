"""The time and the date, here or in another place of the world."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import date, timedelta
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from voice.errors import ToolFailed
from voice.tools.clock import Clock
from voice.tools.spec import Tool, ToolContext

# Places that people name and that the zone database files under another city (IANA tz, zone1970.tab).
PLACES = {
    "utc": "UTC",
    "gmt": "UTC",
    "england": "Europe/London",
    "britain": "Europe/London",
    "uk": "Europe/London",
    "scotland": "Europe/London",
    "ireland": "Europe/Dublin",
    "germany": "Europe/Berlin",
    "munich": "Europe/Berlin",
    "hamburg": "Europe/Berlin",
    "frankfurt": "Europe/Berlin",
    "france": "Europe/Paris",
    "spain": "Europe/Madrid",
    "barcelona": "Europe/Madrid",
    "italy": "Europe/Rome",
    "milan": "Europe/Rome",
    "austria": "Europe/Vienna",
    "switzerland": "Europe/Zurich",
    "geneva": "Europe/Zurich",
    "netherlands": "Europe/Amsterdam",
    "holland": "Europe/Amsterdam",
    "poland": "Europe/Warsaw",
    "sweden": "Europe/Stockholm",
    "norway": "Europe/Oslo",
    "denmark": "Europe/Copenhagen",
    "greece": "Europe/Athens",
    "turkey": "Europe/Istanbul",
    "ukraine": "Europe/Kyiv",
    "japan": "Asia/Tokyo",
    "osaka": "Asia/Tokyo",
    "china": "Asia/Shanghai",
    "beijing": "Asia/Shanghai",
    "india": "Asia/Kolkata",
    "delhi": "Asia/Kolkata",
    "new delhi": "Asia/Kolkata",
    "mumbai": "Asia/Kolkata",
    "bangalore": "Asia/Kolkata",
    "korea": "Asia/Seoul",
    "south korea": "Asia/Seoul",
    "thailand": "Asia/Bangkok",
    "vietnam": "Asia/Ho_Chi_Minh",
    "israel": "Asia/Jerusalem",
    "tel aviv": "Asia/Jerusalem",
    "abu dhabi": "Asia/Dubai",
    "egypt": "Africa/Cairo",
    "kenya": "Africa/Nairobi",
    "nigeria": "Africa/Lagos",
    "south africa": "Africa/Johannesburg",
    "cape town": "Africa/Johannesburg",
    "new zealand": "Pacific/Auckland",
    "hawaii": "Pacific/Honolulu",
    "canberra": "Australia/Sydney",
    "california": "America/Los_Angeles",
    "san francisco": "America/Los_Angeles",
    "san diego": "America/Los_Angeles",
    "seattle": "America/Los_Angeles",
    "las vegas": "America/Los_Angeles",
    "texas": "America/Chicago",
    "dallas": "America/Chicago",
    "houston": "America/Chicago",
    "austin": "America/Chicago",
    "florida": "America/New_York",
    "miami": "America/New_York",
    "boston": "America/New_York",
    "washington": "America/New_York",
    "philadelphia": "America/New_York",
    "atlanta": "America/New_York",
    "montreal": "America/Toronto",
    "ottawa": "America/Toronto",
    "brazil": "America/Sao_Paulo",
    "rio": "America/Sao_Paulo",
    "rio de janeiro": "America/Sao_Paulo",
    "argentina": "America/Argentina/Buenos_Aires",
}
DAYS = {"today": 0, "tomorrow": 1, "yesterday": -1}


@cache
def _zones_by_city() -> dict[str, str]:
    """Reads the zone database once. Blocks: call it outside the loop."""
    zones = sorted(name for name in available_timezones() if "/" in name and not name.startswith(("Etc/", "US/")))
    cities = {name.rpartition("/")[2].replace("_", " ").casefold(): name for name in zones}
    return {**cities, **PLACES}


def find_zone(place: str) -> ZoneInfo:
    """The zone of a city, a country of one zone, or an IANA name. Blocks. Raises ToolFailed."""
    wanted = " ".join(place.replace("_", " ").casefold().split()).removeprefix("the ")
    name = _zones_by_city().get(wanted, place if "/" in place else "")
    try:
        if name:
            return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ToolFailed(f"The time zone of {place[:40]!r} is not on this machine.") from error
    raise ToolFailed(f"The time zone of {place[:40]!r} is not known here.")


def when_tools(clock: Clock) -> list[Tool]:
    async def get_time(arguments: Mapping[str, Any], context: ToolContext) -> object:
        place = arguments.get("place")
        now = clock.now()
        if place:
            now = now.astimezone(await asyncio.to_thread(find_zone, place))
        answer = {"time": now.strftime("%H:%M"), "zone": str(now.tzinfo), "utc_offset": now.strftime("%z")}
        return {**answer, "place": place} if place else answer

    async def get_date(arguments: Mapping[str, Any], context: ToolContext) -> object:
        day = arguments.get("day", "today")
        asked = _on(clock.now().date(), day)
        return {"day": day, "date": asked.isoformat(), "weekday": asked.strftime("%A")}

    place = {"type": "string", "description": "A city, a country or an IANA zone; left out: here."}
    day = {"type": "string", "enum": [*DAYS]}
    return [
        Tool(
            name="get_time",
            description="Tell the time of day, here or in another place.",
            parameters={"type": "object", "properties": {"place": place}},
            handler=get_time,
        ),
        Tool(
            name="get_date",
            description="Tell the date and the day of the week of today, tomorrow or yesterday.",
            parameters={"type": "object", "properties": {"day": day}},
            handler=get_date,
        ),
    ]


def _on(today: date, day: str) -> date:
    return today + timedelta(days=DAYS[day])
