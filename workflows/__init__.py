"""Workflows. Their modules import only the standard library, temporalio and the domain."""
