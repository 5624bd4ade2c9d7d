"""Tracking links: with one, somebody without an account follows, moves or cancels one order."""
