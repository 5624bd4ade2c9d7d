"""Who works in a window, compared with a list of all minutes that they work."""

from hypothesis import given, settings
from hypothesis import strategies as st

from domain.management_center.working_time import EVERYBODY, NOBODY, WHOLE_DAY, Demand, Exceptions, Hours, Span, demand

NINE_TO_SIX = Hours(0b111111, 9 * 60, 18 * 60, 1)
SATURDAY, SUNDAY = 5, 6
MORNING, NOON = Span(9 * 60, 11 * 60), Span(11 * 60, 13 * 60)

STEP = 4 * 60
"""Minutes. So coarse that spans often touch."""

spans = st.tuples(st.integers(0, 5), st.integers(1, 6)).map(
    lambda drawn: Span(drawn[0] * STEP, min(drawn[0] + drawn[1], 6) * STEP)
)
exceptions = st.builds(Exceptions, st.lists(spans, max_size=2), st.lists(st.none() | spans, max_size=4))
everyones_hours = st.builds(lambda days, span: Hours(days, span.begins, span.ends, 1), st.integers(0, 127), spans)


@settings(max_examples=500)
@given(everyones_hours, spans, st.integers(0, 6), st.booleans(), st.lists(exceptions, max_size=2))
def test_an_engineer_works_in_a_window_who_works_in_every_minute_of_it(
    hours: Hours, window: Span, weekday: int, holiday: bool, known: list[Exceptions]
) -> None:
    usual = Span(hours.works_from, hours.works_until)
    worked = [usual] if hours.working_days >> weekday & 1 and not holiday else []
    worked += [shift or usual for each in known for shift in each.shifts]
    off = [span for each in known for span in each.off]
    expected = all(
        any(span.begins <= minute < span.ends for span in worked)
        and not any(span.begins <= minute < span.ends for span in off)
        for minute in range(*window, STEP)
    )

    found = demand(window, weekday, known, holiday=holiday)
    assert found.is_met_by(hours) == expected
    assert (found == NOBODY) == any(span.overlaps(window) for span in off)


def test_the_usual_hours_have_to_contain_what_shifts_leave_over() -> None:
    assert demand(MORNING, SATURDAY) == Demand(1 << SATURDAY, *MORNING)
    assert demand(Span(9 * 60, 13 * 60), SATURDAY, [Exceptions(shifts=[NOON])]) == Demand(1 << SATURDAY, *MORNING)
    in_parts = [Exceptions(shifts=[Span(11 * 60, 12 * 60)]), Exceptions(shifts=[MORNING])]
    assert demand(Span(9 * 60, 13 * 60), SATURDAY, in_parts) == Demand(1 << SATURDAY, 12 * 60, 13 * 60)
    assert demand(NOON, SUNDAY, [Exceptions(shifts=[WHOLE_DAY])], holiday=True) == EVERYBODY
    assert demand(NOON, SUNDAY, [Exceptions([MORNING], [WHOLE_DAY])]) == EVERYBODY
    assert demand(NOON, SUNDAY, [Exceptions(shifts=[None]), Exceptions([Span(12 * 60, 12 * 60 + 1)])]) == NOBODY


def test_a_shift_without_hours_is_of_the_engineers_own_hours_on_any_day() -> None:
    on_a_holiday = demand(MORNING, SUNDAY, [Exceptions(shifts=[None])], holiday=True)

    assert on_a_holiday.is_met_by(NINE_TO_SIX)
    assert on_a_holiday.is_met_by(NINE_TO_SIX._replace(working_days=0))
    assert not on_a_holiday.is_met_by(NINE_TO_SIX._replace(works_from=9 * 60 + 30))
