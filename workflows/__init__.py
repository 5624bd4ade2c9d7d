"""The saga. Its files import the standard library, temporalio and the domain, and nothing else."""
