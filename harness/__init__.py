"""Test harness: runs the service and databases for `bench`, `drills` and tests."""
