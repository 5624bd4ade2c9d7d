"""Days that addresses name, and weeks."""

from datetime import date, timedelta

FAR = timedelta(days=400)
"""How far from today a day may be. Visits are booked some weeks ahead."""
DAYS_OF_WEEK = 7


def day_of(text: str | None, today: date) -> date:
    """Return the day that an address names, or today if it names none near it."""
    try:
        day = date.fromisoformat(text or "")
    except ValueError:
        return today
    return day if is_near(day, today) else today


def is_near(day: date, today: date) -> bool:
    """Return whether a day is near enough to today to be shown."""
    return abs(day - today) <= FAR


def monday_of(day: date) -> date:
    """Return the first day of the week that contains a day."""
    return day - timedelta(days=day.weekday())


def sunday_of(day: date) -> date:
    """Return the last day of the week that contains a day."""
    return monday_of(day) + timedelta(days=DAYS_OF_WEEK - 1)
