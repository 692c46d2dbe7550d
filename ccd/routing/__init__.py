"""Routing: when somebody is there to answer. Calendars are pure; who closes and opens them is kept beside them."""
